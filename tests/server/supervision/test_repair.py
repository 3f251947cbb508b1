"""A Python step that is killed comes back, and a server whose steps keep dying is given up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from live_server import options_on_free_ports
from wrinkle_core.errors import ServerFaultError, WrinkleError
from wrinkle_server.supervision.canary import infer_raw, warmup_photo
from wrinkle_server.triton.model_server import ModelServer

pytestmark = pytest.mark.live

HOST = "127.0.0.1"


@pytest.fixture
def server(small_repository: Path, tmp_path: Path) -> Iterator[ModelServer]:
    options = options_on_free_ports(small_repository, tmp_path / "triton.log", "unetpp", max_repairs=1)
    with ModelServer(options) as running:
        yield running


def kill_step(server: ModelServer, model: str) -> None:
    for process in psutil.Process(server.process_id).children():
        if process.status() != psutil.STATUS_ZOMBIE and f"/{model}/1/model.py" in " ".join(process.cmdline()):
            process.kill()
            psutil.wait_procs([process], timeout=1.0)


def ask(server: ModelServer) -> dict[str, bytes]:
    return infer_raw(HOST, server.options.http_port, "wrinkle_unetpp", warmup_photo(), 30.0)


def test_killed_step_comes_back_once_and_a_step_that_keeps_dying_is_given_up(server: ModelServer) -> None:
    before = ask(server)
    assert server.repair() == ()
    kill_step(server, "skin_mask")
    with pytest.raises(WrinkleError):
        ask(server)
    assert server.repair() == ("skin_mask",)
    assert ask(server) == before
    assert server.repair() == ()
    kill_step(server, "threshold")
    with pytest.raises(ServerFaultError, match="threshold die again and again"):
        server.repair()
