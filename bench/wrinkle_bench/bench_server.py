"""The server that is measured: ``wrinkle serve`` as a user starts it, with every bound, check and metric switched on.

Only times are raised that a full-size network on a slow processor would overrun, and the canary is kept quiet: it
would use the processor while something else is measured.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wrinkle_bench.storage import compiled_cache
from wrinkle_core.assets import fetch_assets
from wrinkle_core.errors import ServerStartError
from wrinkle_export.repository.assemble import assemble_repository
from wrinkle_export.repository.deployment import Deployment
from wrinkle_export.repository.served_network import ServedNetwork
from wrinkle_server.running import RunningServer, running_servers
from wrinkle_server.triton.child_process import ChildProcess
from wrinkle_server.triton.ports import free_ports

__all__ = ["BenchServer", "bench_repository", "bench_server", "served_on"]

_START_LIMIT_S: Final = 300.0
_STOP_LIMIT_S: Final = 45.0
_POLL_S: Final = 0.05
_QUIET: Final = {
    "--canary-idle-s": 3600,
    "--canary-timeout-s": 300,
    "--step-limit-s": 300,
    "--exit-timeout-s": 5,
}
_LAST_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class BenchServer:
    """A server that answers.

    Attributes:
        running: Ports and administration key.
        repository: What it serves.
        ready_after_s: From the start of the command until the ensembles had answered their first photograph.
    """

    running: RunningServer
    repository: Path
    ready_after_s: float

    @property
    def url(self) -> str:
        """Return its HTTP address."""
        return f"http://{self.running.host}:{self.running.http_port}"


def bench_repository(target: Path, networks: Mapping[str, ServedNetwork], deployment: Deployment | None = None) -> Path:
    """Assemble what ``wrinkle serve`` would make for these networks.

    Args:
        target: Folder to make.
        networks: By segmenter.
        deployment: Instances, threads and so on; None takes the command's own defaults.
    """
    return assemble_repository(target, networks, deployment or default_deployment())


def default_deployment() -> Deployment:
    """Return what ``wrinkle serve`` chooses on this machine."""
    instances = min(4, len(os.sched_getaffinity(0)))
    return Deployment(
        "openvino",
        preprocess_instances=instances,
        threshold_instances=instances,
        cache_dir=str(compiled_cache()),
    )


@contextmanager
def bench_server(
    networks: Mapping[str, ServedNetwork],
    deployment: Deployment | None = None,
    *,
    bare: bool = False,
    shared_memory: bool = False,
) -> Iterator[BenchServer]:
    """Serve networks for as long as the block runs; the other options and errors are those of ``served_on``."""
    with tempfile.TemporaryDirectory(prefix="wrinkle-bench-") as folder:
        repository = bench_repository(Path(folder, "repository"), networks, deployment)
        with served_on(repository, bare=bare, shared_memory=shared_memory) as server:
            yield server


@contextmanager
def served_on(repository: Path, *, bare: bool = False, shared_memory: bool = False) -> Iterator[BenchServer]:
    """Run ``wrinkle serve`` on an assembled repository for as long as the block runs.

    Args:
        repository: What to serve.
        bare: Triton itself on the HTTP port, for what reads its statistics there.
        shared_memory: Let every client on this machine register shared memory, as ``perf_analyzer`` must for
            ``http+shm``.

    Raises:
        ServerStartError: It ended, or did not answer in time.
    """
    fetch_assets()
    http, grpc, metrics, health = free_ports(4)
    ports = {"--http-port": http, "--grpc-port": grpc, "--metrics-port": metrics, "--health-port": health}
    with tempfile.TemporaryDirectory(prefix="wrinkle-bench-") as folder:
        log, command = Path(folder, "serve.log"), [sys.executable, "-m", "wrinkle_client.cli", "serve"]
        command += ["--model-repository", str(repository), "--log-file", str(Path(folder, "triton.log"))]
        command += [str(word) for option in (_QUIET | ports).items() for word in option]
        command += [*(["--http", "bare"] if bare else []), *(["--shared-memory-api"] if shared_memory else [])]
        process, began_s = ChildProcess("wrinkle serve"), time.perf_counter()
        process.start(command, open_output=lambda: log.open("wb"))
        try:
            running = _wait(process, http, log)
            yield BenchServer(running, repository, time.perf_counter() - began_s)
        finally:
            _end(process)


def _wait(process: ChildProcess, http_port: int, log: Path) -> RunningServer:
    deadline_s = time.monotonic() + _START_LIMIT_S
    while not process.gone.wait(_POLL_S) and time.monotonic() < deadline_s:
        for server in running_servers():
            if server.http_port == http_port and server.process_id == process.pid:
                return server
    said = " ".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_LINES:])
    state = "ended" if process.gone.is_set() else "is not ready"
    raise ServerStartError(f"The server to be measured {state}: {said}")


def _end(process: ChildProcess) -> None:
    process.ask_to_end()
    if not process.gone.wait(_STOP_LIMIT_S):
        process.kill()  # its server goes with it
        process.gone.wait()
