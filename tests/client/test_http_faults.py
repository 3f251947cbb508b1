"""HTTP connections that break in every place, against a real socket."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from typing import Any

import pytest

from driven_client import connect
from stopwatch import Stopwatch
from wrinkle_client import (
    NO_RETRIES,
    Client,
    DeadlineExceededError,
    ImageTooLargeError,
    Limits,
    ServerFaultError,
    ServerUnreachableError,
)

TENSOR = {"name": "MASK_PNG", "datatype": "UINT8", "shape": [1]}


def http_reply(status: int, body: bytes) -> bytes:
    return f"HTTP/1.1 {status} Said\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def sends(data: bytes, *, then_keep: bool = False) -> Any:
    def behave(connection: socket.socket, _request: Any) -> bool:
        connection.sendall(data)
        return then_keep

    return behave


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nhalf of it",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf",
    ],
    ids=["nothing", "half a body", "half a header", "half a chunk"],
)
def test_a_connection_cut_anywhere_counts_as_unreachable(
    http_server: Any, photo: bytes, reply: bytes, kind: str
) -> None:
    http_server.behaviour = sends(reply)
    with (
        connect(kind, http_server.url, retry=NO_RETRIES) as client,
        pytest.raises((ServerUnreachableError, ServerFaultError)),
    ):
        client.segment(photo)


@pytest.mark.parametrize(
    "reply",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nInference-Header-Content-Length: 99\r\n\r\n{}{}",
        b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\nInference-Header-Content-Length: 14\r\n\r\n{"outputs": 3}!!',
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 13\r\n\r\n<html></html>",
        http_reply(200, b"[" * 100_000),
        http_reply(200, json.dumps({"outputs": [{**TENSOR, "data": [10**30]}]}).encode()),
    ],
    ids=[
        "another protocol",
        "no JSON",
        "empty JSON",
        "header past the end",
        "outputs of a wrong type",
        "a web server",
        "JSON without end",
        "a number no tensor holds",
    ],
)
def test_what_is_no_triton_answer_is_a_server_fault(http_server: Any, photo: bytes, reply: bytes, kind: str) -> None:
    http_server.behaviour = sends(reply)
    with connect(kind, http_server.url, retry=NO_RETRIES) as client, pytest.raises(ServerFaultError):
        client.segment(photo)


@pytest.mark.parametrize("extensions", ["5", "null"])
def test_server_metadata_of_a_wrong_form_is_a_server_fault(http_server: Any, extensions: str, kind: str) -> None:
    http_server.behaviour = sends(http_reply(200, f'{{"name": "x", "extensions": {extensions}}}'.encode()))
    with connect(kind, http_server.url) as client, pytest.raises(ServerFaultError):
        client.server_info()


@pytest.mark.parametrize(
    ("configuration", "version"),
    [('{"parameters": {"contract_version": {"string_value": 2}}}', 2), ("[" * 100_000, None)],
)
def test_a_configuration_of_a_wrong_form_tells_no_more_than_it_can(
    http_server: Any, configuration: str, version: int | None, kind: str
) -> None:
    def behave(connection: socket.socket, request: Any) -> bool:
        metadata = '{"name": "triton", "version": "2.51", "extensions": []}'
        connection.sendall(http_reply(200, (configuration if "config" in request.path else metadata).encode()))
        return True

    http_server.behaviour = behave
    with connect(kind, http_server.url) as client:
        assert client.server_info().contract_version == version


def test_several_addresses_that_do_not_answer_keep_the_deadline_together(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as deaf, socket.socket() as in_the_queue:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        port = deaf.getsockname()[1]
        in_the_queue.connect(("127.0.0.1", port))
        address = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_options: [address] * 4)
        with Stopwatch() as took:
            with Client(f"http://deaf.test:{port}") as client, pytest.raises(DeadlineExceededError):
                client.segment(b"photograph", timeout_s=0.4)
        assert took.own_s < 0.8


def test_a_name_that_is_looked_up_too_long_keeps_the_deadline_and_few_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    def hang(*_arguments: Any, **_options: Any) -> list[Any]:
        go_on.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    with Client("http://slow.test", retry=NO_RETRIES) as client:
        with Stopwatch() as took:
            outcomes = list(client.segment_many([b"photograph"] * 12, concurrency=12, timeout_s=0.3))
        left_behind = [thread for thread in threading.enumerate() if thread.name == "wrinkle-name-lookup"]
        assert {type(outcome.error) for outcome in outcomes} == {DeadlineExceededError}
        assert took.own_s < 1.0
        assert 1 <= len(left_behind) <= 4
        go_on.set()
        for thread in left_behind:
            thread.join(5)
        with pytest.raises(ServerUnreachableError):  # the places are free again
            client.segment(b"photograph", timeout_s=5)


def test_a_server_that_trickles_bytes_cannot_outlast_the_deadline(http_server: Any, photo: bytes, kind: str) -> None:
    def trickle(connection: socket.socket, _request: Any) -> bool:
        for byte in b"HTTP/1.1 200 OK\r\nX-Padding: " + b"a" * 1000:
            connection.sendall(bytes([byte]))
            time.sleep(0.02)
        return False

    http_server.behaviour = trickle
    with Stopwatch() as took:
        with connect(kind, http_server.url) as client, pytest.raises(DeadlineExceededError):
            client.segment(photo, timeout_s=0.5)
    assert took.own_s < 1.0


@pytest.mark.parametrize(
    "length", ["Content-Length: 5000000\r\n", "Connection: close\r\n"], ids=["announced", "endless"]
)
def test_an_answer_over_the_size_limit_is_not_read(http_server: Any, photo: bytes, length: str, kind: str) -> None:
    http_server.behaviour = sends(f"HTTP/1.1 200 OK\r\n{length}\r\n".encode() + bytes(5_000_000))
    limits = Limits(max_response_bytes=1_000_000)
    with (
        connect(kind, http_server.url, limits=limits) as client,
        pytest.raises(ServerFaultError, match="1000000 bytes"),
    ):
        client.segment(photo)


def test_a_refusal_sent_before_the_whole_photograph_was_read_arrives(http_server: Any, kind: str) -> None:
    raw = socket.create_server(("127.0.0.1", 0))

    def refuse_early() -> None:
        connection, _ = raw.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 413 Payload Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1_000_000):
                pass

    thread = threading.Thread(target=refuse_early, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{raw.getsockname()[1]}"
    with raw, connect(kind, url, retry=NO_RETRIES) as client, pytest.raises(ImageTooLargeError):
        client.segment(bytes(10_000_000))
    thread.join(5)


def test_a_kept_connection_that_the_server_closed_is_replaced_without_a_retry(
    http_server: Any, photo: bytes, kind: str
) -> None:
    def answer_once(connection: socket.socket, request: Any) -> bool:
        http_server.behave_well(connection, request)
        return False

    http_server.behaviour = answer_once
    with connect(kind, http_server.url, retry=NO_RETRIES) as client:
        for _ in range(3):
            client.segment(photo)
            time.sleep(0.05)
    assert http_server.connections == 3


def test_a_kept_connection_that_the_server_resets_is_replaced_without_a_retry(
    http_server: Any, photo: bytes, kind: str
) -> None:
    def answer_then_reset(connection: socket.socket, request: Any) -> bool:
        if len(http_server.received) == 2:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        return bool(http_server.behave_well(connection, request))

    http_server.behaviour = answer_then_reset
    with connect(kind, http_server.url, retry=NO_RETRIES) as client:
        for _ in range(2):
            client.segment(photo)
    assert (http_server.connections, len(http_server.received)) == (2, 3)


def test_connections_are_kept_and_never_more_than_the_limit(http_server: Any, photo: bytes) -> None:
    def slowly(connection: socket.socket, request: Any) -> bool:
        time.sleep(0.02)
        return bool(http_server.behave_well(connection, request))

    http_server.behaviour = slowly
    with Client(http_server.url, limits=Limits(max_connections=2)) as client:
        threads = [threading.Thread(target=client.segment, args=(photo,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert http_server.connections == 2
        assert len(http_server.received) == 8


def test_waiting_for_a_busy_connection_counts_towards_the_deadline(http_server: Any, photo: bytes) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def hold(connection: socket.socket, request: Any) -> bool:
        reached.set()
        go_on.wait(30)
        return bool(http_server.behave_well(connection, request))

    http_server.behaviour = hold
    with Client(http_server.url, limits=Limits(max_connections=1)) as client:
        busy = threading.Thread(target=client.segment, args=(photo,))
        busy.start()
        assert reached.wait(20)
        with pytest.raises(DeadlineExceededError):
            client.segment(photo, timeout_s=0.3)
        assert http_server.connections == 1
        go_on.set()
        busy.join()


def test_the_grpc_port_given_as_http_is_explained(grpc_server: Any, photo: bytes, kind: str) -> None:
    url = grpc_server.url.replace("grpc://", "http://")
    with (
        connect(kind, url, retry=NO_RETRIES) as client,
        pytest.raises((ServerFaultError, ServerUnreachableError), match=url),
    ):
        client.segment(photo, timeout_s=5)


def test_the_http_port_given_as_grpc_is_explained(http_server: Any, photo: bytes, kind: str) -> None:
    url = http_server.url.replace("http://", "grpc://")
    with connect(kind, url, retry=NO_RETRIES) as client, pytest.raises((ServerUnreachableError, DeadlineExceededError)):
        client.segment(photo, timeout_s=2)


def test_a_path_before_v2_is_kept(http_server: Any, photo: bytes, kind: str) -> None:
    with connect(kind, f"{http_server.url}/skin/") as client:
        client.segment(photo)
    assert http_server.received[0].path == "/skin/v2/models/wrinkle_unetpp/infer"
