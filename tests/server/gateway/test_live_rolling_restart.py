"""Two real servers behind the gateway are restarted in turn under load, and no request is lost."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway_setup import HttpBackend, until
from live_server import options_on_free_ports
from wrinkle_client.client import Client
from wrinkle_client.retry import NO_RETRIES
from wrinkle_core.errors import WrinkleError
from wrinkle_server.gateway.options import Backend, GatewayLimits, GatewayOptions
from wrinkle_server.gateway.process import Gateway
from wrinkle_server.triton.model_server import ModelServer
from wrinkle_server.triton.options import ServerOptions
from wrinkle_server.triton.ports import free_ports

pytestmark = [pytest.mark.live, pytest.mark.slow]  # reliability/test_rolling_restart.py is the fast one

SEEN_BY_THE_GATEWAY_S = 1.0


class Node:
    """One server and, standing for its supervisor, what it says about being ready."""

    def __init__(self, options: ServerOptions, supervisor: HttpBackend) -> None:
        self.options = options
        self.supervisor = supervisor
        self.server = ModelServer(options)

    @property
    def backend(self) -> Backend:
        ports = (self.options.http_port, self.options.grpc_port, self.supervisor.ports[2])
        return Backend(self.options.host, *ports)

    def start(self) -> None:
        self.server = ModelServer(self.options)
        self.server.start()
        self.server.wait_ready()
        self.supervisor.ready = True

    def stop_now(self) -> None:
        self.server.stop()

    def stop(self, *, announced: bool) -> None:
        if announced:
            self.supervisor.ready = False
            time.sleep(SEEN_BY_THE_GATEWAY_S)
        self.server.stop()
        self.supervisor.ready = False


@pytest.fixture
def nodes(small_repository: Path, tmp_path: Path) -> Iterator[list[Node]]:
    with contextlib.ExitStack() as stack:
        found = []
        for number in range(2):
            options = options_on_free_ports(small_repository, tmp_path / f"triton-{number}.log", "unetpp")
            node = Node(options, stack.enter_context(HttpBackend(ready=False)))
            stack.callback(node.stop_now)
            node.start()
            found.append(node)
        yield found


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "unannounced"])
def test_rolling_restart_of_two_real_servers_loses_no_request(
    nodes: list[Node], grace_hopper_jpeg: bytes, tmp_path: Path, announced: bool
) -> None:
    """Unannounced is the harder case: the server stops while its supervisor still calls it ready."""
    (port,) = free_ports(1)
    limits = GatewayLimits(requests_per_minute=100_000, burst=100_000)
    options = GatewayOptions(
        tuple(node.backend for node in nodes), port=port, limits=limits, access_log=tmp_path / "access.log"
    )
    answered: list[str] = []
    lost: list[str] = []
    stop = threading.Event()

    def ask(scheme: str) -> None:
        with Client(f"{scheme}://127.0.0.1:{port}", retry=NO_RETRIES) as client:
            while not stop.is_set():
                try:
                    assert client.segment(grace_hopper_jpeg, model="unetpp", timeout_s=30.0).mask.any()
                    answered.append(scheme)
                except WrinkleError as error:
                    lost.append(f"{scheme} {error.code}: {error}")

    def progress(count: int) -> bool:
        before = len(answered)
        return until(lambda: len(answered) >= before + count, timeout_s=60.0)

    with Gateway(options, log_path=tmp_path / "envoy.log") as gateway:
        assert until(lambda: gateway.healthy_backends == 2)
        threads = [threading.Thread(target=ask, args=(scheme,)) for scheme in ("http", "http", "grpc", "grpc")]
        for thread in threads:
            thread.start()
        try:
            for node in nodes:
                assert progress(10)
                node.stop(announced=announced)
                assert progress(10)
                node.start()
                assert until(lambda: gateway.healthy_backends == 2)
            assert progress(10)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
    assert lost == []
    assert {"http", "grpc"} == set(answered)
