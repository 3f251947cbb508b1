"""A server starts typed or not at all, and leaves nothing behind however it ends."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from live_server import options_on_free_ports, start_serve
from remains import remains, session_members
from wrinkle_core.errors import ServerStartError
from wrinkle_export.repository.assemble import assemble_repository
from wrinkle_export.repository.deployment import Deployment
from wrinkle_export.repository.served_network import ServedNetwork
from wrinkle_server.supervision.canary import canary_photo
from wrinkle_server.triton.model_server import ModelServer
from wrinkle_server.triton.options import ServerOptions
from wrinkle_server.triton.ports import port_is_free
from wrinkle_server.triton.raw_inference import infer_raw

pytestmark = pytest.mark.live

HOST = "127.0.0.1"


@pytest.fixture
def options(small_repository: Path, tmp_path: Path) -> ServerOptions:
    return options_on_free_ports(small_repository, tmp_path / "triton.log", "unetpp")


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_stopped_server_leaves_no_process_port_or_file(options: ServerOptions) -> None:
    before = remains(os.getpid())
    with ModelServer(options) as server:
        process_id = server.process_id
        assert process_id is not None
        assert len(session_members(process_id)) > 3
        assert remains(os.getpid()) != before
        beats: list[float] = []
        server.stop(on_wait=lambda: beats.append(time.monotonic()))
        assert len(beats) > 1  # whoever stops it is seen to be alive
    assert session_members(process_id) == []
    assert remains(os.getpid()) == before
    assert all(port_is_free(HOST, port) for port in options.ports.values())


@pytest.mark.slow
def test_the_same_ports_serve_again_at_once(options: ServerOptions) -> None:
    for _ in range(2):
        with ModelServer(options):
            assert infer_raw(HOST, options.http_port, "wrinkle_unetpp", canary_photo(), 30.0)["MASK_PNG"]


def test_start_on_a_taken_port_fails_before_anything_is_started(
    live_server: ModelServer, options: ServerOptions
) -> None:
    server = ModelServer(replace(options, http_port=live_server.options.http_port))
    with pytest.raises(ServerStartError, match="is taken") as caught:
        server.start()
    assert caught.value.code == "SERVER_START_FAILED"
    assert server.process_id is None


def test_model_that_cannot_load_is_named_with_its_reason(
    dark_line_served: dict[str, ServedNetwork], options: ServerOptions, tmp_path: Path
) -> None:
    broken = assemble_repository(
        tmp_path / "repository", {"unetpp": dark_line_served["unetpp"]}, Deployment("openvino")
    )
    (broken / "unetpp" / "1" / "model.onnx").write_bytes(b"damaged")
    server = ModelServer(replace(options, repository=broken))
    with pytest.raises(ServerStartError, match=r"unetpp.*cannot be read as an ONNX"):
        server.__enter__()
    assert server.process_id is None
    assert all(port_is_free(HOST, port) for port in options.ports.values())


@pytest.mark.slow
def test_server_started_in_a_thread_that_ended_goes_on(options: ServerOptions) -> None:
    server = ModelServer(options)
    try:
        with ThreadPoolExecutor(1) as starter:
            starter.submit(server.start).result()
        server.wait_ready()
        assert not server.wait(1.0)
    finally:
        server.stop()


def test_administration_needs_the_key(live_server: ModelServer) -> None:
    def status(headers: dict[str, str]) -> int:
        with closing(http.client.HTTPConnection(HOST, live_server.options.http_port, timeout=10)) as connection:
            connection.request("POST", "/v2/repository/index", headers=headers)
            return connection.getresponse().status

    assert status({}) == http.client.FORBIDDEN
    assert status({"admin-key": live_server.admin.admin_key}) == http.client.OK


@dataclass(frozen=True)
class Serving:
    """A ``wrinkle serve`` process, where it listens, and its server."""

    process: subprocess.Popen[str]
    ports: tuple[int, ...]
    tritonserver: psutil.Process


@pytest.fixture
def serving(small_repository: Path, request: pytest.FixtureRequest) -> Iterator[Serving]:
    """Start ``wrinkle serve``; options of its own come as the parameter."""
    program = "import typer; from wrinkle_server.commands.serve import serve; typer.run(serve)"
    command = [sys.executable, "-c", program, "--model-repository", str(small_repository)]
    started = start_serve([*command, *getattr(request, "param", ())])
    process = started.process
    child = next(each for each in psutil.Process(process.pid).children() if "tritonserver" in each.name())
    with process:
        yield Serving(process, started.ports, child)
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_command_stops_cleanly_on(number: signal.Signals, serving: Serving) -> None:
    serving.process.send_signal(number)
    assert serving.process.wait(30) == 0
    assert session_members(serving.tritonserver.pid) == []
    assert remains(serving.process.pid) == []
    assert all(port_is_free(HOST, port) for port in serving.ports)


def test_killed_serve_command_takes_tritonserver_with_it_and_the_next_start_cleans_up(
    serving: Serving, options: ServerOptions
) -> None:
    serving.process.kill()
    serving.process.wait()
    assert within(20, lambda: session_members(serving.tritonserver.pid) == [])
    with ModelServer(options):
        assert remains(serving.process.pid) == []


@pytest.mark.parametrize("serving", [("--max-restarts", "0")], indirect=True)
def test_serve_command_that_may_not_restart_ends_with_an_error_when_tritonserver_dies(serving: Serving) -> None:
    serving.tritonserver.kill()
    assert serving.process.wait(30) != 0
    assert session_members(serving.tritonserver.pid) == []
    assert remains(serving.process.pid) == []
