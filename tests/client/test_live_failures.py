"""The client while the real server loses a step, stops, is killed and comes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from driven_client import CLIENTS, AnyClient, connect
from live_server import options_on_free_ports, serving
from supervised_server import Supervise, Supervised, wait_until
from wrinkle_client import (
    NO_RETRIES,
    Client,
    ModelNotReadyError,
    OverloadedError,
    ServerUnreachableError,
    WrinkleError,
)
from wrinkle_server.triton.model_server import ModelServer
from wrinkle_server.triton.options import ServerOptions

pytestmark = pytest.mark.live

PROTOCOLS = ("http", "grpc")
STEPS = ("skin_mask", "unetpp", "threshold")
TIMEOUT_S = 30.0
CALLERS = 3


def url_of(options: ServerOptions, protocol: str) -> str:
    port = {"http": options.http_port, "grpc": options.grpc_port}[protocol]
    return f"{protocol}://{options.host}:{port}"


@pytest.fixture(scope="module")
def supervised(supervise: Supervise) -> Iterator[Supervised]:
    with supervise(max_repairs=20) as server:
        yield server


@pytest.fixture
def options(small_repository: Path, tmp_path: Path) -> ServerOptions:
    """Return how to start a server that ends soon: Triton waits out its limit for every connection that is kept."""
    return replace(options_on_free_ports(small_repository, tmp_path / "triton.log", "unetpp"), exit_timeout_s=3)


@dataclass(frozen=True)
class Calls:
    """What came of calls so far: masks, and errors."""

    masks: list[NDArray[np.uint8]] = field(default_factory=list)
    errors: list[WrinkleError] = field(default_factory=list)


def call_until(stopped: threading.Event, client: AnyClient, photo: bytes, calls: Calls) -> None:
    """Segment again and again."""
    while not stopped.is_set():
        try:
            calls.masks.append(client.segment(photo, timeout_s=TIMEOUT_S).mask)
        except WrinkleError as error:
            calls.errors.append(error)
            time.sleep(0.05)


def calling(clients: list[Client], photo: bytes, meanwhile: Callable[[Calls], None]) -> Calls:
    """Call from several threads per client while ``meanwhile`` runs, which begins once calls have succeeded."""
    stopped, calls = threading.Event(), Calls()
    with ThreadPoolExecutor(CALLERS * len(clients)) as threads:
        callers = [
            threads.submit(call_until, stopped, client, photo, calls) for client in clients for _ in range(CALLERS)
        ]
        try:
            wait_until(lambda: len(calls.masks) >= len(callers), TIMEOUT_S)
            meanwhile(calls)
        finally:
            stopped.set()
        for caller in callers:
            caller.result()
    return calls


@pytest.mark.parametrize(("model", "protocol"), [*((model, "http") for model in STEPS), (STEPS[1], "grpc")])
def test_the_client_rides_over_the_death_of_a_step(
    supervised: Supervised, grace_hopper_jpeg: bytes, model: str, protocol: str
) -> None:
    with Client(url_of(supervised.supervisor.server.options, protocol)) as client:
        before = client.segment(grace_hopper_jpeg).mask

        def kill(calls: Calls) -> None:
            killed = len(calls.masks)
            for step in supervised.steps(model):
                step.kill()
            time.sleep(2.0)
            wait_until(lambda: len(calls.masks) > killed + CALLERS or len(calls.errors) > 0, TIMEOUT_S)

        calls = calling([client], grace_hopper_jpeg, kill)
        assert calls.errors == []
        assert all((mask == before).all() for mask in calls.masks)


def test_a_dead_step_is_a_model_that_is_not_ready(options: ServerOptions, grace_hopper_jpeg: bytes) -> None:
    with serving(options) as server:
        assert server.process_id is not None
        kill_steps(server.process_id, "threshold")
        for protocol in PROTOCOLS:
            with Client(url_of(options, protocol), retry=NO_RETRIES) as client:
                with pytest.raises(ModelNotReadyError, match="not healthy") as raised:
                    client.segment(grace_hopper_jpeg)
                assert raised.value.retryable


def kill_steps(server_id: int, model: str) -> None:
    for process in psutil.Process(server_id).children():
        if f"/{model}/1/model.py" in " ".join(process.cmdline()):
            process.kill()


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_everything_a_server_that_ends_says_is_retryable(
    options: ServerOptions, grace_hopper_jpeg: bytes, way: str
) -> None:
    with ModelServer(options) as server:
        clients = [Client(url_of(options, protocol), retry=NO_RETRIES) for protocol in PROTOCOLS]

        def end(calls: Calls) -> None:
            getattr(server, way)()
            assert server.wait(5)
            wait_until(lambda: len(calls.errors) >= CALLERS * len(clients), TIMEOUT_S)

        calls = calling(clients, grace_hopper_jpeg, end)
        for client in clients:
            client.close()
    assert {type(error) for error in calls.errors} <= {ServerUnreachableError, ModelNotReadyError, OverloadedError}


def test_the_client_rides_over_a_restart(options: ServerOptions, grace_hopper_jpeg: bytes) -> None:
    ways = tuple(product(CLIENTS, PROTOCOLS))
    every_client_has_answered = threading.Barrier(len(ways) + 1)
    stop_calling = threading.Event()

    def work(way: tuple[str, str]) -> Calls:
        kind, protocol = way
        calls = Calls()
        with connect(kind, url_of(options, protocol)) as client:
            client.segment(grace_hopper_jpeg)
            every_client_has_answered.wait(TIMEOUT_S)
            call_until(stop_calling, client, grace_hopper_jpeg, calls)
        return calls

    with ModelServer(options) as first, ThreadPoolExecutor(len(ways)) as threads:
        calls = [threads.submit(work, way) for way in ways]
        every_client_has_answered.wait(TIMEOUT_S)
        time.sleep(0.5)
        first.stop()
        with serving(options):
            time.sleep(1.0)
            stop_calling.set()
            outcomes = [call.result() for call in calls]
    assert [error for outcome in outcomes for error in outcome.errors] == []
    assert all(outcome.masks for outcome in outcomes)
