"""NVIDIA's perf_analyzer as a load that begins, lasts and ends when a test says."""

from __future__ import annotations

import signal
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

from k8s_daemon import HOST
from wrinkle_bench.perf_analyzer.installation import install_perf_analyzer

__all__ = ["PerfAnalyzerLoad"]

_WINDOW_MS = 1000
_MANY_WINDOWS = 10_000
_END_S = 30.0


class PerfAnalyzerLoad(AbstractContextManager["PerfAnalyzerLoad"]):
    """Keeps a number of photographs in flight at each of several Tritons, over gRPC, while the ``with`` lasts.

    It asks Triton itself, not the gateway: before it measures it wants the model's configuration and statistics, which
    the gateway keeps to itself.
    """

    def __init__(
        self, grpc_ports: tuple[int, ...], model: str, photo: bytes, *, concurrency: int, folder: Path
    ) -> None:
        program = install_perf_analyzer()
        inputs = folder / "inputs"
        inputs.mkdir()
        (inputs / "IMAGE").write_bytes(photo)
        self._folder = folder
        self._environment = program.environment()
        arguments = ["-m", model, "-i", "grpc", "--shape", f"IMAGE:{len(photo)}", "--input-data", str(inputs)]
        arguments += ["--concurrency-range", str(concurrency), "--max-threads", "4"]
        # Between two windows it looks whether it shall end; windows that never agree keep it going until then.
        arguments += ["--measurement-mode", "time_windows", "--measurement-interval", str(_WINDOW_MS)]
        arguments += ["--stability-percentage", "0.0001", "--max-trials", str(_MANY_WINDOWS)]
        self._commands = [[str(program.program), "-u", f"{HOST}:{port}", *arguments] for port in grpc_ports]

    def __enter__(self) -> PerfAnalyzerLoad:
        self._processes = []
        for number, command in enumerate(self._commands):
            with self._log(number).open("wb") as log:
                started = subprocess.Popen(command, env=self._environment, stdout=log, stderr=subprocess.STDOUT)
            self._processes.append(started)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        ended_early = [number for number, process in enumerate(self._processes) if process.poll() is not None]
        try:
            for process in self._processes:
                process.send_signal(signal.SIGINT)  # it takes no new request and waits for those in flight
            for process in self._processes:
                process.wait(_END_S)
        finally:
            for process in self._processes:
                process.kill()
        for number in ended_early if error is None else ():
            raise AssertionError(self._log(number).read_text(encoding="utf-8")[-2000:])

    def _log(self, number: int) -> Path:
        return self._folder / f"perf_analyzer-{number}.log"
