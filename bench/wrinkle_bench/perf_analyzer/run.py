"""One run of ``perf_analyzer`` against one model of a running server."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from wrinkle_bench.perf_analyzer.installation import PerfAnalyzer
from wrinkle_bench.perf_analyzer.measurement import Measurement, read_csv
from wrinkle_bench.perf_analyzer.statistics import read_counters, step_times, wait_until_quiet
from wrinkle_core.contract import model
from wrinkle_core.errors import DeadlineExceededError, ServerFaultError
from wrinkle_server.running import RunningServer

__all__ = ["PROTOCOLS", "Load", "Protocol", "measure"]

Protocol = Literal["grpc", "http", "http+shm"]
PROTOCOLS: Final[tuple[Protocol, ...]] = ("grpc", "http", "http+shm")

# Three windows are always taken and reported together. Their spread is for the reader to see in repeated runs: waiting
# until they agree would let a noisy machine run for ever, and a run that stays "unstable" reports nothing at all.
_WINDOWS: Final = 3
_ANY_SPREAD_PERCENT: Final = 100_000
_MAX_ANSWER_BYTES: Final = 8 * 2**20
_LEAST_QUIET_S: Final = 0.2
_QUIET_STEPS: Final = 1.5
_MAX_REASON_CHARS: Final = 300


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent, and how.

    Attributes:
        model_name: Ensemble or composing model.
        protocol: ``http+shm`` is HTTP with the tensors in system shared memory, for a server whose shared-memory API is
            open: the administration key would stand on the program's command line, where other users can read it.
        concurrency: Requests in flight all the time.
        window_requests: Least number of answers in each of the three windows.
    """

    model_name: str
    protocol: Protocol = "grpc"
    concurrency: int = 1
    window_requests: int = 5


def measure(
    program: PerfAnalyzer,
    server: RunningServer,
    load: Load,
    tensors: Mapping[str, NDArray[Any]],
    *,
    csv_path: Path | None = None,
    timeout_s: float = 600.0,
) -> Measurement:
    """Run one load and return what was seen at the client and counted at the server.

    Args:
        program: ``perf_analyzer``.
        server: A running server on this machine.
        load: What is sent, and how.
        tensors: The model's inputs by name.
        csv_path: Where the program's own report goes; None keeps it not.
        timeout_s: Limit for the run.

    Raises:
        ServerFaultError: The program failed, or a request did.
        DeadlineExceededError: Not done in time.
    """
    counted = [step.model_name for step in model(load.model_name).steps] or [load.model_name]
    with tempfile.TemporaryDirectory(prefix="wrinkle-bench-") as folder:
        inputs, report = Path(folder, "inputs"), csv_path or Path(folder, "report.csv")
        inputs.mkdir()
        report.unlink(missing_ok=True)
        for name, array in tensors.items():
            np.ascontiguousarray(array).tofile(inputs / name)
        before = read_counters(server.admin, counted)
        command = [str(program.program), *_arguments(server, load, tensors), "--input-data", str(inputs)]
        try:
            done = subprocess.run(
                [*command, "-f", str(report)],
                env=program.environment(),
                capture_output=True,
                text=True,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise DeadlineExceededError(f"{load.model_name} was not measured within {timeout_s:g} s.") from error
        if done.returncode != 0 or not report.is_file():
            raise ServerFaultError(f"perf_analyzer failed on {load.model_name}: {_reason(done.stdout + done.stderr)}")
        after = read_counters(server.admin, counted)
        seen = read_csv(report.read_text(encoding="utf-8"), step_times(before, after))
    # The program ends with requests in flight, which the next run would wait for.
    slowest_ms = max(step.compute_ms for step in seen.steps.values())
    wait_until_quiet(server.admin, counted, max(_LEAST_QUIET_S, _QUIET_STEPS * slowest_ms / 1e3))
    return seen


def _arguments(server: RunningServer, load: Load, tensors: Mapping[str, NDArray[Any]]) -> list[str]:
    grpc = load.protocol == "grpc"
    arguments = ["-m", load.model_name, "-i", "grpc" if grpc else "http"]
    arguments += ["-u", f"{server.host}:{server.grpc_port if grpc else server.http_port}"]
    arguments += ["--concurrency-range", str(load.concurrency), "--verbose-csv", "--max-threads", str(load.concurrency)]
    arguments += ["--measurement-mode", "count_windows", "--measurement-request-count", str(load.window_requests)]
    arguments += ["--stability-percentage", str(_ANY_SPREAD_PERCENT), "--max-trials", str(_WINDOWS)]
    if load.protocol == "http+shm":
        arguments += ["--shared-memory", "system", "--output-shared-memory-size", str(_MAX_ANSWER_BYTES)]
    batched = model(load.model_name).max_batch_size > 0
    for contract in model(load.model_name).inputs:
        if -1 in contract.dims:
            shape = tensors[contract.name].shape[1:] if batched else tensors[contract.name].shape
            arguments += ["--shape", f"{contract.name}:{','.join(map(str, shape))}"]
    return arguments


def _reason(output: str) -> str:
    lines: Sequence[str] = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if "rror" in line or "ailed" in line] or list(lines[-1:]) or ["it said nothing"]
    return errors[0][:_MAX_REASON_CHARS]
