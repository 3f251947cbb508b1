"""``wrinkle torchserve start`` as a process of its own: what it prints, and what is left when it ends or is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from remains import remains, session_members
from wrinkle_client import Client
from wrinkle_client.credentials import read_token
from wrinkle_core.assets import fetch_assets
from wrinkle_server.triton.ports import free_ports, port_is_free

pytestmark = [pytest.mark.live, pytest.mark.needs("java")]

TORCHSERVE = [sys.executable, "-c", "from wrinkle_handlers.commands.torchserve import app; app()"]


@dataclass
class Started:
    process: subprocess.Popen[str]
    port: int
    token_file: Path
    told: str

    def session_ids(self) -> set[int]:
        """Return the sessions of its children: TorchServe has one of its own."""
        return {os.getsid(child.pid) for child in psutil.Process(self.process.pid).children()}


def start(model_store: Path, log_file: Path) -> Started:
    fetch_assets()
    port, metrics_port = free_ports(2)
    process = subprocess.Popen(
        [
            *TORCHSERVE,
            *("start", "--model-store", str(model_store), "--log-file", str(log_file)),
            *("--port", str(port), "--metrics-port", str(metrics_port)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    told = ""
    while "Ctrl-C" not in told:
        line = process.stdout.readline()
        assert line, f"it ended: {told}"
        told += line
    token_file = next(line.split()[1] for line in told.splitlines() if line.strip().startswith("token"))
    return Started(process, port, Path(token_file), told)


@pytest.mark.parametrize(
    ("end", "exit_code"),
    [
        pytest.param(signal.SIGTERM, 0, id="stopped"),
        pytest.param(signal.SIGKILL, -signal.SIGKILL, id="killed"),
    ],
)
def test_nothing_outlives_the_command(
    small_store: Path, tmp_path: Path, grace_hopper_jpeg: bytes, end: signal.Signals, exit_code: int
) -> None:
    started = start(small_store, tmp_path / "torchserve.log")
    with started.process as process:
        token = read_token(started.token_file)
        assert token not in started.told
        assert "no security patches" in started.told
        with Client(f"torchserve://127.0.0.1:{started.port}", token=token) as client:
            assert client.segment(grace_hopper_jpeg, timeout_s=60.0).model_version == "1"
        (session_id,) = started.session_ids()
        assert len(session_members(session_id)) >= 2  # front end and worker
        process.send_signal(end)
        assert process.wait(60) == exit_code
    assert_within(30.0, lambda: session_members(session_id) == [] and port_is_free("127.0.0.1", started.port))
    if end == signal.SIGTERM:
        assert remains(started.process.pid) == []
        assert (tmp_path / "torchserve.log").is_file()


def assert_within(seconds: float, holds: Callable[[], bool]) -> None:
    ends_s = time.monotonic() + seconds
    while not holds() and time.monotonic() < ends_s:
        time.sleep(0.1)
    assert holds()
