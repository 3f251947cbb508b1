"""Which backend gets a request, and which failures are tried once more, through a real Envoy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sized
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway_setup import HttpBackend, send, until
from wrinkle_core.errors import ModelNotReadyError, OverloadedError, from_wire
from wrinkle_server.gateway.options import Backend, GatewayLimits, GatewayOptions
from wrinkle_server.gateway.process import Gateway
from wrinkle_server.triton.ports import free_ports

StartGateway = Callable[..., Gateway]

INFER = "/v2/models/wrinkle_unetpp/infer"
MANY = GatewayLimits(requests_per_minute=100_000, burst=100_000)


@pytest.fixture
def port(start_gateway: StartGateway, backend: HttpBackend, other_backend: HttpBackend) -> int:
    return start_gateway(backend, other_backend, limits=MANY).options.port


def infer(port: int) -> int:
    return send(port, "POST", INFER, body=b"photo").status


def test_requests_go_to_every_backend(port: int, backend: HttpBackend, other_backend: HttpBackend) -> None:
    assert {infer(port) for _ in range(40)} == {200}
    assert len(backend.seen) > 5
    assert len(other_backend.seen) > 5


def test_backend_with_less_to_do_gets_the_request(port: int, backend: HttpBackend, other_backend: HttpBackend) -> None:
    backend.delay_s = 1.0
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(infer, [port] * 60)) == {200}
    assert len(other_backend.seen) > 2 * len(backend.seen)


def test_dead_backend_is_skipped(start_gateway: StartGateway, backend: HttpBackend) -> None:
    with HttpBackend() as dying:
        port = start_gateway(backend, dying, limits=MANY).options.port
        assert {infer(port) for _ in range(10)} == {200}
    assert {infer(port) for _ in range(40)} == {200}


def test_backend_may_be_named_by_dns(backend: HttpBackend) -> None:
    named = GatewayOptions((Backend("localhost", *backend.ports),), port=free_ports(1)[0], access_log=Path("/dev/null"))
    with Gateway(named) as gateway:
        assert until(lambda: gateway.healthy_backends == 1)
        assert infer(gateway.options.port) == 200


def test_backend_that_is_not_ready_is_skipped_and_taken_back(
    port: int, backend: HttpBackend, other_backend: HttpBackend
) -> None:
    other_backend.ready = False
    assert until(lambda: not _asked(port, other_backend), timeout_s=5)
    other_backend.ready = True
    assert until(lambda: _asked(port, other_backend), timeout_s=5)


def _asked(port: int, backend: HttpBackend) -> bool:
    before = len(backend.seen)
    assert {infer(port) for _ in range(10)} == {200}
    return len(backend.seen) > before


def test_no_ready_backend_is_a_typed_answer_and_the_gateway_says_so(
    port: int, backend: HttpBackend, other_backend: HttpBackend
) -> None:
    assert send(port, "GET", "/v2/health/ready").status == 200
    backend.ready = other_backend.ready = False
    assert until(lambda: send(port, "GET", "/v2/health/ready").status == 503, timeout_s=5)
    assert send(port, "GET", "/v2/health/live").status == 200
    reply = send(port, "POST", INFER, body=b"photo")
    assert reply.status == 503
    assert isinstance(from_wire(reply.error), ModelNotReadyError)


def test_503_of_one_backend_is_tried_once_at_the_other(
    port: int, backend: HttpBackend, other_backend: HttpBackend
) -> None:
    backend.status = 503
    assert {infer(port) for _ in range(40)} == {200}
    assert len(backend.seen) > 5
    assert len(other_backend.seen) == 40


def test_503_of_both_backends_is_answered_after_one_try_at_each(
    port: int, backend: HttpBackend, other_backend: HttpBackend
) -> None:
    backend.status = other_backend.status = 503
    assert {infer(port) for _ in range(20)} == {503}
    assert len(backend.seen) == len(other_backend.seen) == 20


@pytest.mark.parametrize("status", [400, 404, 429, 500, 501])
def test_other_failures_are_not_tried_again(
    port: int, backend: HttpBackend, other_backend: HttpBackend, status: int
) -> None:
    backend.status = other_backend.status = status
    reply = send(port, "POST", INFER, body=b"photo")
    assert (reply.status, reply.error) == (status, f"status {status}")
    assert len(backend.seen) + len(other_backend.seen) == 1


def test_only_backend_is_asked_once(start_gateway: StartGateway, backend: HttpBackend) -> None:
    backend.status = 503
    assert infer(start_gateway(backend).options.port) == 503
    assert len(backend.seen) == 1


def test_failing_but_ready_backend_is_not_ejected(start_gateway: StartGateway, backend: HttpBackend) -> None:
    """A full queue answers 503; taking an overloaded server out would overload the next one."""
    port = start_gateway(backend, limits=MANY).options.port
    backend.status = 503
    assert {infer(port) for _ in range(30)} == {503}
    backend.status = 200
    assert {infer(port) for _ in range(10)} == {200}


def test_more_requests_than_the_bound_are_answered_overloaded_at_once(
    start_gateway: StartGateway, backend: HttpBackend
) -> None:
    backend.delay_s = 2.0
    limits = GatewayLimits(requests_per_minute=100_000, burst=100_000, max_requests=4)
    port = start_gateway(backend, limits=limits, workers=1).options.port
    with ThreadPoolExecutor(24) as pool:
        replies = list(pool.map(lambda _: send(port, "POST", INFER, body=b"photo"), range(24)))
    refused = [reply for reply in replies if reply.status == 503]
    assert 4 <= 24 - len(refused) <= 8
    assert all(isinstance(from_wire(reply.error), OverloadedError) for reply in refused)


@pytest.fixture
def load(port: int) -> Iterator[list[int]]:
    """Ask without a pause from four threads while the test runs; return the statuses so far."""
    statuses: list[int] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            statuses.append(infer(port))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    yield statuses
    stop.set()
    for thread in threads:
        thread.join()


def test_rolling_restart_of_two_backends_loses_nothing(
    backend: HttpBackend, other_backend: HttpBackend, load: list[int]
) -> None:
    """Each in turn says that it is not ready, answers 503 while it drains, and comes back."""
    backend.delay_s = other_backend.delay_s = 0.02
    for rolling in (backend, other_backend):
        rolling.ready, rolling.status = False, 503
        assert _grows(load, 50)
        rolling.status, rolling.ready = 200, True
        assert _grows(rolling.seen, 10)
    assert set(load) == {200}


def _grows(items: Sized, count: int) -> bool:
    before = len(items)
    return until(lambda: len(items) >= before + count, timeout_s=20)
