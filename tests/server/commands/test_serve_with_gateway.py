"""``wrinkle serve --gateway`` starts both, keeps both, and leaves nothing of either."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest

from deadly_http import told_about_deadly_bodies
from live_server import ServeProcess, start_serve
from remains import remains, session_members
from supervised_server import wait_until
from wrinkle_client import Client, RetryPolicy
from wrinkle_core.errors import UnauthorizedError
from wrinkle_server.gateway.tokens import new_token
from wrinkle_server.triton.ports import free_ports

pytestmark = pytest.mark.live

PROGRAM = "from wrinkle_client.cli import main; main()"


@dataclass(frozen=True)
class Guarded:
    started: ServeProcess
    port: int
    token: str
    access_log: Path

    def child(self, name: str) -> psutil.Process:
        (found,) = [each for each in psutil.Process(self.started.process.pid).children() if name in each.name()]
        return found


@pytest.fixture
def guarded(small_repository: Path, tmp_path: Path) -> Iterator[Guarded]:
    drawn = new_token("app")
    token_file = tmp_path / "tokens"
    token_file.touch(mode=0o600)
    token_file.write_text(f"{drawn.line}\n", encoding="utf-8")
    (port,) = free_ports(1)
    command = [sys.executable, "-c", PROGRAM, "serve", "--model-repository", str(small_repository)]
    command += ["--gateway", "--gateway-port", str(port), "--gateway-token-file", str(token_file)]
    started = start_serve([*command, "--log-file", str(tmp_path / "triton.log")])
    with started.process:
        yield Guarded(started, port, drawn.token, tmp_path / f"gateway-{port}.jsonl")
        started.process.kill()


def use_with_and_without_token(guarded: Guarded, photo: bytes) -> None:
    for scheme in ("http", "grpc"):
        url = f"{scheme}://127.0.0.1:{guarded.port}"
        with Client(url, token=guarded.token, retry=RetryPolicy(attempts=40)) as client:
            assert client.segment(photo).mask.any()
        with Client(url) as client, pytest.raises(UnauthorizedError):
            client.segment(photo)


def test_callers_on_this_machine_need_no_token_and_cannot_end_the_server(
    guarded: Guarded, grace_hopper_jpeg: bytes
) -> None:
    server, port = guarded.child("tritonserver"), guarded.started.ports[0]
    assert set(told_about_deadly_bodies(port)) == {"CONTRACT_MISMATCH"}
    with Client(f"http://127.0.0.1:{port}") as client:
        assert client.segment(grace_hopper_jpeg).mask.any()
    assert server.is_running()


def test_photographs_pass_the_gateway_with_a_token_and_envoy_comes_back(
    guarded: Guarded, grace_hopper_jpeg: bytes
) -> None:
    use_with_and_without_token(guarded, grace_hopper_jpeg)
    envoy = guarded.child("envoy")
    envoy.kill()
    wait_until(lambda: not envoy.is_running(), 10)
    use_with_and_without_token(guarded, grace_hopper_jpeg)
    with urlopen(f"http://127.0.0.1:{guarded.started.ports[3]}/metrics", timeout=10) as page:
        assert "wrinkle_gateway_restarts_total 1.0" in page.read().decode()
    server, envoy = guarded.child("tritonserver"), guarded.child("envoy")
    guarded.started.process.send_signal(signal.SIGTERM)
    assert guarded.started.process.wait(60) == 0
    assert session_members(server.pid) == session_members(envoy.pid) == []
    assert remains(guarded.started.process.pid) == []
    log = guarded.access_log.read_text(encoding="utf-8")
    assert guarded.token not in log
    statuses = {json.loads(line)["status"] for line in log.splitlines()}
    assert {200, 401} <= statuses
