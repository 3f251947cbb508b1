"""Waiting for a server that comes back, and for one that says how long to wait."""

from __future__ import annotations

import socket
import threading
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import grpc
import pytest

from driven_client import connect
from stopwatch import Stopwatch
from supervised_server import wait_until
from wrinkle_client import ModelNotReadyError, OverloadedError, RetryPolicy, ServerUnreachableError
from wrinkle_client.retry_after import retry_after_s

EAGER = RetryPolicy(attempts=2, recovery_s=20.0, wait_initial_s=0.01, wait_jitter_s=0.01, wait_max_s=0.05)
DEAD_STEP = "in ensemble 'wrinkle_unetpp', Stub process 'skin_mask_0_0' is not healthy."
STOPPING = "Server is stopping, scheduler for model has stopped accepting new inference requests"


def refuse(
    server: Any, status: int, code: str, text: str, *, times: int, first: int = 0, retry_after: str | None = None
) -> None:
    """Make a fake server of either protocol refuse requests number ``first`` to ``first + times``."""
    asked = iter(range(1_000_000))
    refused = range(first, first + times)
    header = "" if retry_after is None else f"Retry-After: {retry_after}\r\n"

    def over_http(connection: Any, request: Any) -> bool:
        if next(asked) not in refused:
            return bool(server.behave_well(connection, request))
        body = f'{{"error": "{text}"}}'.encode()
        head = f"HTTP/1.1 {status} Refused\r\nContent-Length: {len(body)}\r\n{header}\r\n"
        connection.sendall(head.encode() + body)
        return True

    def over_grpc(request: Any, context: Any) -> Any:
        if next(asked) not in refused:
            return server.behave_well(request, context)
        if retry_after is not None:
            context.set_trailing_metadata((("retry-after", retry_after),))
        return context.abort(grpc.StatusCode[code], text)

    server.behaviour = over_http if server.url.startswith("http") else over_grpc


def test_a_step_that_is_being_repaired_is_waited_for(server: Any, photo: bytes, kind: str) -> None:
    refuse(server, 500, "INTERNAL", DEAD_STEP, times=12)
    with connect(kind, server.url, retry=EAGER) as client:
        assert client.segment(photo).timings.attempts == 13


def test_a_server_that_stops_is_waited_for_once_it_has_answered(server: Any, photo: bytes, kind: str) -> None:
    refuse(server, 503, "UNAVAILABLE", STOPPING, first=1, times=8)
    with connect(kind, server.url, retry=EAGER) as client:
        client.segment(photo)
        assert client.segment(photo).timings.attempts == 9


def test_a_model_that_never_recovers_is_given_up_in_time(server: Any, photo: bytes, kind: str) -> None:
    refuse(server, 500, "INTERNAL", DEAD_STEP, times=1_000_000)
    hopeful = RetryPolicy(recovery_s=0.4, wait_initial_s=0.01, wait_jitter_s=0.0, wait_max_s=0.05)
    with Stopwatch() as took:
        with connect(kind, server.url, retry=hopeful) as client, pytest.raises(ModelNotReadyError):
            client.segment(photo)
    assert took.wall_s > 0.3
    assert took.own_s < 2.0


def test_a_server_that_never_answered_is_not_waited_for(closed_port: int, photo: bytes, kind: str) -> None:
    patient = RetryPolicy(attempts=3, recovery_s=60.0, wait_initial_s=0.01, wait_jitter_s=0.0, wait_max_s=0.05)
    with (
        Stopwatch() as took,
        connect(kind, f"http://127.0.0.1:{closed_port}", retry=patient) as client,
        pytest.raises(ServerUnreachableError),
    ):
        client.segment(photo)
    assert took.own_s < 2.0


def test_an_http_server_that_restarts_loses_no_call(
    http_server: Any, photo: bytes, kind: str, retries: dict[int, int]
) -> None:
    """Connections are reset, then refused, then accepted again, as when a process is replaced."""
    port = int(http_server.url.rpartition(":")[2])
    retry = RetryPolicy(wait_initial_s=0.02, wait_jitter_s=0.0, wait_max_s=0.1)
    with connect(kind, http_server.url, retry=retry) as client:
        client.segment(photo)
        http_server.stop()

        def restart() -> None:
            wait_until(lambda: sum(retries.values()) > 3, 20)
            http_server.listener = socket.create_server(("127.0.0.1", port))
            http_server.accept()

        threading.Thread(target=restart, daemon=True).start()
        assert client.segment(photo).timings.attempts > 4


def test_a_connection_that_is_reset_in_a_call_is_tried_again(http_server: Any, photo: bytes, kind: str) -> None:
    asked = iter(range(100))

    def reset_first(connection: socket.socket, request: Any) -> bool:
        if next(asked) < 1:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            connection.shutdown(socket.SHUT_RD)
            return False
        return bool(http_server.behave_well(connection, request))

    http_server.behaviour = reset_first
    with connect(kind, http_server.url, retry=EAGER) as client:
        assert client.segment(photo).timings.attempts == 2


@pytest.mark.parametrize("name", ["CANCELLED", "UNAVAILABLE", "INTERNAL"])
def test_a_grpc_stream_that_the_other_side_resets_is_tried_again(
    grpc_server: Any, photo: bytes, name: str, kind: str
) -> None:
    refuse(grpc_server, 0, name, "Received RST_STREAM with error code 8", times=1)
    with connect(kind, grpc_server.url, retry=EAGER) as client:
        assert client.segment(photo).timings.attempts == 2


def test_a_rate_limit_s_wait_is_kept(server: Any, photo: bytes, kind: str) -> None:
    refuse(server, 429, "RESOURCE_EXHAUSTED", "too many requests", times=1, retry_after="1")
    with Stopwatch() as took, connect(kind, server.url, retry=EAGER) as client:
        assert client.segment(photo).timings.attempts == 2
    assert took.wall_s >= 1.0
    assert took.own_s < 2.0


def test_a_wait_past_the_deadline_is_not_begun(server: Any, photo: bytes, kind: str) -> None:
    refuse(server, 429, "RESOURCE_EXHAUSTED", "too many requests", times=9, retry_after="30")
    with Stopwatch() as took:
        with connect(kind, server.url, retry=EAGER) as client, pytest.raises(OverloadedError) as raised:
            client.segment(photo, timeout_s=5)
    assert took.own_s < 1.0
    assert raised.value.retry_after_s == 30.0


def test_a_date_is_a_wait_too() -> None:
    later = datetime.now(timezone.utc) + timedelta(seconds=40)
    waited_s = retry_after_s(format_datetime(later, usegmt=True))
    assert waited_s is not None
    assert 35 < waited_s <= 40


_NO_DATE = f"Mon, 01 Jan 2024 00:00:00 +{'9' * 20}"


@pytest.mark.parametrize(
    ("header", "expected"),
    [("", None), ("soon", None), ("-3", None), ("0", 0.0), ("999999999", 86_400.0), (_NO_DATE, None)],
)
def test_what_is_no_wait_is_none_and_long_ones_are_bounded(header: str, expected: float | None) -> None:
    assert retry_after_s(header) == expected


def test_a_date_in_the_past_is_no_wait() -> None:
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
