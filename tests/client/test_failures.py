"""Every way a call can fail comes out as an error of the tree, over both protocols."""

from __future__ import annotations

import json
import threading
from typing import Any

import grpc
import pytest

from driven_client import connect
from stopwatch import Stopwatch
from wrinkle_client import (
    NO_RETRIES,
    Client,
    ContractError,
    DeadlineExceededError,
    Health,
    ImageTooLargeError,
    ModelNotFoundError,
    ModelNotReadyError,
    NoFaceError,
    OverloadedError,
    RetryPolicy,
    ServerFaultError,
    ServerUnreachableError,
    UnauthorizedError,
    WrinkleError,
)
from wrinkle_client.failures import GRPC_ERRORS, HTTP_CODES, wire_failure
from wrinkle_core.errors import to_wire

QUICK = RetryPolicy(attempts=3, wait_initial_s=0.01, wait_jitter_s=0.01, wait_max_s=0.05)
STOPPING = "Server is stopping, scheduler for model has stopped accepting new inference requests"
TRITON_SAYS = [
    (404, "NOT_FOUND", "Request for unknown model: 'wrinkle_unetpp' is not found", ModelNotFoundError),
    (503, "UNAVAILABLE", "Request for unknown model: 'wrinkle_unetpp' is not at ready state", ModelNotReadyError),
    (503, "UNAVAILABLE", "in ensemble 'wrinkle_unetpp', Exceeds maximum queue size", OverloadedError),
    (503, "UNAVAILABLE", "Request timeout expired", OverloadedError),
    (400, "INVALID_ARGUMENT", "unexpected inference input 'IMAGE' for model 'wrinkle_unetpp'", ContractError),
    (500, "INTERNAL", "in ensemble 'x', Stub process 'threshold_0_0' is not healthy.", ModelNotReadyError),
    (500, "INTERNAL", "Failed to send message to stub.", ModelNotReadyError),
    (500, "INTERNAL", "Failed to receive message from the stub.", ModelNotReadyError),
    (404, "NOT_FOUND", "Request for unknown model: 'wrinkle_unetpp' has no available versions", ModelNotReadyError),
    (503, "UNAVAILABLE", f"in ensemble 'x', [request id: 1] {STOPPING}", ServerUnreachableError),
    (503, "UNAVAILABLE", "no healthy upstream", ServerUnreachableError),
    (503, "UNAVAILABLE", "upstream connect error or disconnect/reset before headers", ServerUnreachableError),
    (401, "UNAUTHENTICATED", "no token", UnauthorizedError),
    (403, "PERMISSION_DENIED", "not yours", UnauthorizedError),
    (429, "RESOURCE_EXHAUSTED", "local_rate_limited", OverloadedError),
    (413, "RESOURCE_EXHAUSTED", to_wire(ImageTooLargeError("Too large.")), ImageTooLargeError),
    (500, "INTERNAL", "the network produced nonsense", ServerFaultError),
    (500, "INTERNAL", f"in ensemble 'wrinkle_unetpp', {to_wire(NoFaceError('No face was found.'))}", NoFaceError),
]


def say(server: Any, status: int, code: str, text: str) -> None:
    """Make a fake server of either protocol answer inference with an error."""

    def over_http(connection: Any, request: Any) -> bool:
        body = json.dumps({"error": text}).encode()
        connection.sendall(f"HTTP/1.1 {status} Reason\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        return True

    def over_grpc(request: Any, context: Any) -> None:
        context.abort(grpc.StatusCode[code], text)

    server.behaviour = over_http if server.url.startswith("http") else over_grpc


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
def test_every_grpc_status_has_an_error(code: grpc.StatusCode) -> None:
    assert issubclass(GRPC_ERRORS[code.name], WrinkleError)


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
def test_every_grpc_status_from_a_server_raises_the_error_of_the_table(
    grpc_server: Any, photo: bytes, code: Any, kind: str
) -> None:
    say(grpc_server, 0, code.name, "something happened")
    with connect(kind, grpc_server.url, retry=NO_RETRIES) as client, pytest.raises(WrinkleError) as raised:
        client.segment(photo)
    assert type(raised.value) is GRPC_ERRORS[code.name]


@pytest.mark.parametrize("status", [*range(400, 452), *range(500, 512)])
def test_every_http_error_status_raises_a_typed_error(http_server: Any, photo: bytes, status: int) -> None:
    say(http_server, status, "", "something happened")
    with Client(http_server.url, retry=NO_RETRIES) as client, pytest.raises(WrinkleError) as raised:
        client.segment(photo)
    assert raised.value.code not in ("WRINKLE_ERROR", "SERVING_ERROR")


def test_the_http_table_only_names_codes_that_grpc_has() -> None:
    assert set(HTTP_CODES.values()) <= set(GRPC_ERRORS)


@pytest.mark.parametrize(("status", "code", "text", "expected"), TRITON_SAYS)
def test_what_triton_says_tells_the_errors_apart(
    server: Any, photo: bytes, status: int, code: str, text: str, expected: type[WrinkleError], kind: str
) -> None:
    say(server, status, code, text)
    with connect(kind, server.url, retry=NO_RETRIES) as client, pytest.raises(WrinkleError) as raised:
        client.segment(photo)
    assert type(raised.value) is expected


def test_an_error_of_the_server_s_own_tree_arrives_with_its_words(server: Any, photo: bytes, kind: str) -> None:
    say(server, 400, "INVALID_ARGUMENT", f"in ensemble 'x', {to_wire(NoFaceError('No face; turn to the camera.'))}")
    with connect(kind, server.url) as client, pytest.raises(NoFaceError, match=r"^No face; turn to the camera\.$"):
        client.segment(photo)


def test_a_traceback_of_the_server_is_not_passed_on() -> None:
    text = "ValueError: bad /opt/models/threshold/1/model.py\n\nAt:\n  /opt/models/threshold/1/model.py(12): execute"
    message = str(wire_failure("INTERNAL", text, url="http://localhost:8000", answered=True))
    assert "ValueError" in message
    assert "/opt" not in message
    assert "\n" not in message


@pytest.mark.parametrize("prefix", ["http", "grpc"])
def test_nobody_listening_says_how_to_start_a_server(closed_port: int, photo: bytes, prefix: str, kind: str) -> None:
    url = f"{prefix}://127.0.0.1:{closed_port}"
    with connect(kind, url, retry=QUICK) as client:
        with pytest.raises(ServerUnreachableError, match=f"{url}.*wrinkle serve"):
            client.segment(photo)
        assert client.health() == Health(live=False, ready=False)
        with pytest.raises(ServerUnreachableError):
            client.models()


@pytest.mark.parametrize("prefix", ["http", "grpc"])
def test_a_host_name_nobody_can_have_is_unreachable(photo: bytes, prefix: str, kind: str) -> None:
    with connect(kind, f"{prefix}://double..dot", retry=NO_RETRIES) as client, pytest.raises(ServerUnreachableError):
        client.segment(photo, timeout_s=10)


@pytest.mark.parametrize("prefix", ["http", "grpc"])
def test_wait_ready_gives_up_in_time(closed_port: int, prefix: str, kind: str) -> None:
    with Stopwatch() as took:
        with connect(kind, f"{prefix}://127.0.0.1:{closed_port}") as client, pytest.raises(ServerUnreachableError):
            client.wait_ready(0.5)
    assert took.own_s < 1.5


def test_overload_is_retried_as_often_as_the_policy_says(server: Any, photo: bytes, kind: str) -> None:
    say(server, 503, "UNAVAILABLE", "Exceeds maximum queue size")
    with connect(kind, server.url, retry=QUICK) as client, pytest.raises(OverloadedError):
        client.segment(photo)
    assert len(server.received) == 3


def test_a_retry_that_succeeds_is_counted(server: Any, photo: bytes, kind: str) -> None:
    say(server, 503, "UNAVAILABLE", "Exceeds maximum queue size")
    failing = server.behaviour
    server.behaviour = lambda *call: (failing if len(server.received) < 3 else server.behave_well)(*call)
    with connect(kind, server.url, retry=QUICK) as client:
        assert client.segment(photo).timings.attempts == 3
    assert len({received.request_id for received in server.received}) == 1


@pytest.mark.parametrize(
    ("status", "code", "text"),
    [
        (400, "INVALID_ARGUMENT", to_wire(NoFaceError("No face."))),
        (500, "INTERNAL", "bad"),
        (404, "NOT_FOUND", "Request for unknown model: 'x' is not found"),
    ],
)
def test_what_would_fail_again_is_not_retried(
    server: Any, photo: bytes, status: int, code: str, text: str, kind: str
) -> None:
    say(server, status, code, text)
    with connect(kind, server.url, retry=QUICK) as client, pytest.raises(WrinkleError):
        client.segment(photo)
    assert len(server.received) == 1


def test_a_server_that_sleeps_is_left_at_the_deadline(server: Any, photo: bytes, kind: str) -> None:
    over = threading.Event()

    def sleep(*call: Any) -> Any:
        over.wait(30)
        return server.behave_well(*call)

    server.behaviour = sleep
    with Stopwatch() as took:
        with connect(kind, server.url) as client, pytest.raises(DeadlineExceededError, match=r"0\.5 s"):
            client.segment(photo, timeout_s=0.5)
    over.set()
    assert took.own_s < 1.0


def test_retries_do_not_outlast_the_deadline(server: Any, photo: bytes, kind: str) -> None:
    say(server, 503, "UNAVAILABLE", "Exceeds maximum queue size")
    patient = RetryPolicy(attempts=1000, wait_initial_s=0.05, wait_jitter_s=0.0, wait_max_s=0.5)
    with Stopwatch() as took:
        with connect(kind, server.url, retry=patient) as client, pytest.raises(OverloadedError):
            client.segment(photo, timeout_s=1.5)
    assert took.wall_s > 0.9
    assert took.own_s < 1.5


def test_a_photograph_over_grpc_s_message_limit_is_too_large() -> None:
    text = "SERVER: Received message larger than max (30000000 vs. 20971520)"
    assert isinstance(wire_failure("RESOURCE_EXHAUSTED", text, url="grpc://h:1", answered=False), ImageTooLargeError)
