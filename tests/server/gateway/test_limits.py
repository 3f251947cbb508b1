"""How much and how often, through a real Envoy: sizes over HTTP and gRPC, rates per client, compressed requests."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
import tritonclient.grpc.service_pb2 as protocol

from gateway_setup import HttpBackend, send, send_raw, until
from wrinkle_core.errors import ContractError, ImageTooLargeError, OverloadedError, from_wire
from wrinkle_server.gateway.options import GatewayLimits
from wrinkle_server.gateway.process import Gateway
from wrinkle_server.gateway.tokens import new_token

StartGateway = Callable[..., Gateway]

LIMIT_BYTES = 2 * 1024 * 1024
INFER = "/v2/models/wrinkle_unetpp/infer"
GRPC_INFER = "/inference.GRPCInferenceService/ModelInfer"


@pytest.fixture
def port(start_gateway: StartGateway, backend: HttpBackend, token_file: Path, token: str) -> int:
    """Return a gateway at which a client's place comes free again every ten seconds."""
    limits = GatewayLimits(max_body_bytes=LIMIT_BYTES, requests_per_minute=6, burst=20)
    return start_gateway(backend, token_file=token_file, limits=limits).options.port


@pytest.fixture
def head(token: str) -> str:
    return (
        f"POST {INFER} HTTP/1.1\r\nHost: x\r\nInference-Header-Content-Length: 0\r\nAuthorization: Bearer {token}\r\n"
    )


@pytest.fixture
def channel(port: int) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as opened:
        yield opened


def call(
    channel: grpc.Channel, token: str, message: bytes, method: str = GRPC_INFER, **options: object
) -> grpc.RpcError:
    """Return how a raw gRPC call failed."""
    raw = channel.unary_unary(method, request_serializer=None, response_deserializer=None)
    with pytest.raises(grpc.RpcError) as failed:
        raw(message, metadata=[("authorization", f"Bearer {token}")], timeout=20, **options)
    return failed.value


def infer_message(photo_bytes: int, model: str = "wrinkle_unetpp") -> bytes:
    message: bytes = protocol.ModelInferRequest(
        model_name=model, raw_input_contents=[bytes(photo_bytes)]
    ).SerializeToString()
    return message


@pytest.mark.parametrize("expect", ["", "Expect: 100-continue\r\n"], ids=["plain", "expect-100"])
def test_length_over_the_limit_is_refused_before_a_byte_of_the_body_is_sent(
    port: int, backend: HttpBackend, head: str, expect: str
) -> None:
    reply = send_raw(port, f"{head}Content-Length: {LIMIT_BYTES + 1}\r\n{expect}\r\n".encode(), timeout_s=5)
    assert reply.status == 413
    assert isinstance(from_wire(reply.error), ImageTooLargeError)
    assert backend.seen == []


@pytest.mark.parametrize("length", ["-1", "99999999999999999999999", "0x10", "1, 2", "9223372036854775808"])
def test_length_that_is_no_number_within_the_limit_is_refused(
    port: int, backend: HttpBackend, head: str, length: str
) -> None:
    assert send_raw(port, f"{head}Content-Length: {length}\r\n\r\n".encode(), timeout_s=5).status in (400, 413)
    assert backend.seen == []


def test_length_at_the_limit_passes(port: int, backend: HttpBackend, token: str) -> None:
    assert send(port, "POST", INFER, body=bytes(LIMIT_BYTES), authorization=f"Bearer {token}").status == 200
    assert backend.seen[0].body_bytes == LIMIT_BYTES


def chunked(port: int, head: str, total_bytes: int, *, finish: bool) -> bytes:
    """Send chunks until the server answers or cuts; return the start of what it said."""
    chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        try:
            for _ in range(total_bytes // 0x10000):
                connection.sendall(chunk)
            if finish:
                connection.sendall(b"0\r\n\r\n")
        except ConnectionError:
            pass  # cut at the limit while sending; the answer is already in our buffer
        return connection.recv(4096)


def test_chunked_body_is_cut_at_the_limit(port: int, backend: HttpBackend, head: str) -> None:
    assert chunked(port, head, LIMIT_BYTES * 4, finish=False).startswith(b"HTTP/1.1 413 ")
    assert backend.seen == []


def test_chunked_body_within_the_limit_passes(port: int, backend: HttpBackend, head: str) -> None:
    assert chunked(port, head, LIMIT_BYTES // 2, finish=True).startswith(b"HTTP/1.1 200 ")
    assert backend.seen[0].body_bytes == LIMIT_BYTES // 2


def test_both_lengths_at_once_are_refused(port: int, backend: HttpBackend, head: str) -> None:
    smuggled = "0\r\n\r\nGET /v2/repository/index HTTP/1.1\r\n\r\n"
    request = f"{head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n{smuggled}"
    assert send_raw(port, request.encode(), timeout_s=5).status == 400
    assert backend.seen == []


def test_grpc_message_over_the_limit_is_resource_exhausted(channel: grpc.Channel, token: str) -> None:
    failed = call(channel, token, infer_message(LIMIT_BYTES + 1))
    assert failed.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert isinstance(from_wire(failed.details()), ImageTooLargeError)


def test_grpc_without_a_token_is_unauthenticated(channel: grpc.Channel) -> None:
    assert call(channel, "wrk_wrong", infer_message(10)).code() is grpc.StatusCode.UNAUTHENTICATED


def test_compressed_grpc_message_is_refused(channel: grpc.Channel, token: str) -> None:
    """A few kilobytes could unfold into gigabytes behind the gateway."""
    failed = call(channel, token, infer_message(100_000), compression=grpc.Compression.Gzip)
    assert failed.code() is grpc.StatusCode.UNIMPLEMENTED
    assert isinstance(from_wire(failed.details()), ContractError)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "identity, gzip", "GZIP"])
def test_compressed_body_is_refused(port: int, backend: HttpBackend, token: str, coding: str) -> None:
    reply = send(port, "POST", INFER, body=b"x", authorization=f"Bearer {token}", content_encoding=coding)
    assert reply.status == 415
    assert backend.seen == []


@pytest.mark.parametrize(
    "content_type", ["application/grpc", "application/grpc+proto", "application/grpc-web", "Application/gRPC"]
)
def test_json_tensor_under_the_name_of_grpc_does_not_pass(
    port: int, backend: HttpBackend, token: str, content_type: str
) -> None:
    body = b'{"inputs": [{"name": "IMAGE", "datatype": "UINT8", "shape": [4611686018427387904], "data": [1]}]}'
    head = f"POST {INFER} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: {content_type}\r\n"
    send_raw(port, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    assert backend.seen == []


@pytest.mark.parametrize("protocol", ["websocket", "h2c"])
def test_connection_upgrade_is_refused(port: int, backend: HttpBackend, token: str, protocol: str) -> None:
    head = f"GET /v2/models/wrinkle_unetpp HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
    upgrade = f"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: {protocol}\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
    assert send_raw(port, (head + upgrade).encode(), timeout_s=5).status != 101


def test_client_over_its_rate_is_answered_429_and_others_are_not(port: int, token_file: Path, token: str) -> None:
    other = new_token("clinic-b")
    token_file.write_text(f"{token_file.read_text(encoding='utf-8')}{other.line}\n", encoding="utf-8")
    replies = [send(port, authorization=f"Bearer {token}") for _ in range(25)]
    assert [reply.status for reply in replies[:20]] == [200] * 20
    assert replies[-1].status == 429
    assert isinstance(from_wire(replies[-1].error), OverloadedError)
    assert int(replies[-1].headers["retry-after"]) >= 1
    assert send(port, authorization=f"Bearer {other.token}").status == 200


def test_two_tokens_of_one_client_share_its_rate(port: int, token_file: Path, token: str) -> None:
    second = new_token("clinic-a")
    token_file.write_text(f"{token_file.read_text(encoding='utf-8')}{second.line}\n", encoding="utf-8")
    statuses = [send(port, authorization=f"Bearer {each}").status for each in (token, second.token) * 12]
    assert statuses[:20] == [200] * 20
    assert statuses[-1] == 429


def test_rate_comes_back_with_time(
    start_gateway: StartGateway, backend: HttpBackend, token_file: Path, token: str
) -> None:
    limits = GatewayLimits(requests_per_minute=60, burst=20)
    port = start_gateway(backend, token_file=token_file, limits=limits).options.port
    while send(port, authorization=f"Bearer {token}").status == 200:
        pass
    time.sleep(1.2)
    assert send(port, authorization=f"Bearer {token}").status == 200


def test_grpc_over_the_rate_is_resource_exhausted(port: int, channel: grpc.Channel, token: str) -> None:
    while send(port, authorization=f"Bearer {token}").status == 200:
        pass
    failed = call(channel, token, infer_message(10))
    assert failed.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert isinstance(from_wire(failed.details()), OverloadedError)


@pytest.mark.parametrize(
    "request_head",
    [
        "GET /v2 HTTP/1.1\r\nHost: x\r\nbad_header: 1\r\n",
        "GET /v2 HTTP/1.1\r\nHost: x\r\n" + "".join(f"x-{number}: 1\r\n" for number in range(100)),
        "GET /v2 HTTP/1.1\r\nHost: x\r\nx-long: " + "a" * 40_000 + "\r\n",
        "GET /v2 HTTP/1.0\r\n",
    ],
    ids=["underscore", "many", "long", "http-1.0"],
)
def test_request_head_out_of_bounds_is_refused(port: int, token: str, request_head: str) -> None:
    assert (
        400 <= send_raw(port, f"{request_head}Authorization: Bearer {token}\r\n\r\n".encode(), timeout_s=5).status < 500
    )


def test_connection_over_the_bound_is_closed_and_the_others_go_on(
    start_gateway: StartGateway, backend: HttpBackend
) -> None:
    port = start_gateway(backend, limits=GatewayLimits(max_connections=3)).options.port
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5)) for _ in range(3)]
        held[0].sendall(b"GET /v2 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert held[0].recv(4096).startswith(b"HTTP/1.1 200 ")
        with pytest.raises(ConnectionError):
            send(port, "GET", "/v2")
        held[1].sendall(b"GET /v2 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert held[1].recv(4096).startswith(b"HTTP/1.1 200 ")


def test_gateway_near_its_memory_bound_refuses_and_does_not_grow(
    start_gateway: StartGateway, backend: HttpBackend
) -> None:
    """Four MiB are less than an Envoy with nothing to do holds, so it is over the bound from the start."""
    port = start_gateway(backend, limits=GatewayLimits(max_body_bytes=1024 * 1024, max_heap_mib=4)).options.port
    assert until(lambda: send(port, "POST", INFER, body=b"photo").status == 503)
    reply = send(port, "POST", INFER, body=b"photo")
    assert isinstance(from_wire(reply.error), OverloadedError)


def test_request_that_trickles_in_is_ended_in_time(
    start_gateway: StartGateway, backend: HttpBackend, token_file: Path, head: str
) -> None:
    limits = GatewayLimits(upload_timeout_s=1.0)
    slow = start_gateway(backend, token_file=token_file, limits=limits).options.port
    began = time.monotonic()
    assert send_raw(slow, f"{head}Content-Length: 1000\r\n\r\nx".encode()).status == 408
    assert time.monotonic() - began < 5
    assert backend.seen == []


def test_server_that_does_not_answer_is_given_up_in_time(
    start_gateway: StartGateway, backend: HttpBackend, token_file: Path, token: str
) -> None:
    backend.delay_s = 30.0
    limits = GatewayLimits(request_timeout_s=1.0)
    port = start_gateway(backend, token_file=token_file, limits=limits).options.port
    reply = send(port, "POST", INFER, body=b"x", authorization=f"Bearer {token}")
    assert reply.status == 504
    assert "DEADLINE_EXCEEDED" in reply.error
