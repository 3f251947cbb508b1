"""Servers that are measured do not outlive the benchmark, however it ends."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from wrinkle_export.bundle import bundled

pytestmark = pytest.mark.live

STARTED: dict[str, tuple[str, str]] = {
    "wrinkle serve": ("from wrinkle_bench.bench_server import served_on as started", "serve"),
    "FastAPI": ("from wrinkle_bench.peers.fastapi_peer import fastapi_service as started", "uvicorn"),
}


@pytest.mark.parametrize("name", STARTED)
def test_a_killed_benchmark_leaves_no_server(name: str, small_repository: Path) -> None:
    imported, word = STARTED[name]
    served = small_repository if word == "serve" else bundled("checkpoints") / "unetpp" / "model.safetensors"
    code = f"import pathlib, sys\n{imported}\nwith started(pathlib.Path(sys.argv[1])):\n    sys.stdin.read()\n"
    with subprocess.Popen([sys.executable, "-c", code, str(served)], stdin=subprocess.PIPE) as benchmark:
        server = started_by(benchmark.pid, word)
        benchmark.kill()
    _, alive = psutil.wait_procs([server], timeout=30)
    assert alive == []


def started_by(process_id: int, word: str) -> psutil.Process:
    """Return the child whose command line names ``word``, once it is there."""
    ends_s = time.monotonic() + 60
    while time.monotonic() < ends_s:
        for child in psutil.Process(process_id).children():
            line = child.cmdline()
            if "launch.py" not in " ".join(line) and any(word in each for each in line):
                return child
        time.sleep(0.02)
    raise AssertionError(f"no {word} was started")
