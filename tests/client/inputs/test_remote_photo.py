"""A URL is fetched only where the policy allows it, from the address that was checked, within all bounds."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import trustme

from stopwatch import Stopwatch
from wrinkle_client import (
    AsyncClient,
    Client,
    DeadlineExceededError,
    ImageTooLargeError,
    InvalidImageError,
    InvalidParameterError,
    RemotePhoto,
    SegmentationResult,
    UrlPolicy,
)
from wrinkle_client.photo import read_photo
from wrinkle_client.testing import FakeServer, MockTransport, make_result

LIMIT = 2**20
Answer = Callable[[socket.socket, str], None]


@dataclass
class PictureStore:
    """An HTTP server on loopback that answers each path with what a test put there, raw."""

    listener: socket.socket
    photo: bytes
    answers: dict[str, bytes | Answer] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    connections: int = 0
    tls: ssl.SSLContext | None = None

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    @property
    def trusting(self) -> UrlPolicy:
        """A policy that allows this store and nothing else on this machine."""
        return UrlPolicy(schemes=("http", "https"), trusted_hosts=(f"127.0.0.1:{self.port}",), timeout_s=5.0)

    def url(self, path: str = "/face.jpg", host: str = "127.0.0.1") -> str:
        return f"http{'s' if self.tls else ''}://{host}:{self.port}{path}"

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            encrypted = self.tls.wrap_socket(connection, server_side=True) if self.tls else connection
            with encrypted:
                request = b""
                while b"\r\n\r\n" not in request and (piece := encrypted.recv(65536)):
                    request += piece
                self.requests.append(request.decode("latin-1"))
                path = request.split(b" ")[1].decode()
                answer = self.answers.get(path, ok(self.photo))
                if callable(answer):
                    answer(encrypted, path)
                else:
                    encrypted.sendall(answer)


def ok(body: bytes, **headers: str) -> bytes:
    lines = {"Content-Length": str(len(body)), "Content-Type": "image/jpeg", **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 200 OK\r\n{head}\r\n".encode() + body


def redirect(location: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


@contextlib.contextmanager
def serving(photo: bytes, tls: ssl.SSLContext | None = None) -> Iterator[PictureStore]:
    store = PictureStore(socket.create_server(("127.0.0.1", 0)), photo, tls=tls)
    thread = threading.Thread(target=store.serve, daemon=True)
    thread.start()
    yield store
    store.listener.shutdown(socket.SHUT_RDWR)
    store.listener.close()
    thread.join(5)


@pytest.fixture
def store(photo: bytes) -> Iterator[PictureStore]:
    with serving(photo) as running:
        yield running


def fetch(url: str, policy: UrlPolicy, limit: int = LIMIT) -> bytes:
    return read_photo(RemotePhoto(url, policy), max_encoded_bytes=limit)


def test_a_photograph_of_a_trusted_store_is_fetched_and_segmented(store: PictureStore, photo: bytes) -> None:
    with FakeServer() as server, Client(server.http_url) as client:
        assert client.segment(RemotePhoto(store.url("/a/face.jpg?size=l"), store.trusting)) == make_result(photo)
    (request,) = store.requests
    assert request.startswith("GET /a/face.jpg?size=l HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{store.port}\r\n" in request


def test_an_event_loop_goes_on_while_a_photograph_is_fetched(store: PictureStore, photo: bytes) -> None:
    turned = threading.Event()

    def slowly(connection: socket.socket, _: str) -> None:
        if turned.wait(20):
            connection.sendall(ok(photo))

    store.answers["/slow"] = slowly
    policy = replace(store.trusting, timeout_s=20.0)

    async def ask() -> SegmentationResult:
        async with AsyncClient(transport=MockTransport()) as client:
            call = asyncio.create_task(client.segment(RemotePhoto(store.url("/slow"), policy)))
            while not store.requests:
                await asyncio.sleep(0.01)
            for _ in range(6):
                await asyncio.sleep(0.01)
            turned.set()
            return await call

    assert asyncio.run(ask()) == make_result(photo)


def test_nothing_of_the_environment_goes_along(store: PictureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    fetch(store.url(), store.trusting)
    names = {line.split(":")[0].lower() for line in store.requests[0].splitlines()[1:] if line}
    assert names == {"host", "accept", "accept-encoding", "user-agent", "connection"}


def test_by_default_this_machine_is_not_reached(store: PictureStore) -> None:
    for policy in (UrlPolicy(), UrlPolicy(schemes=("http",), ports=(store.port,))):
        with pytest.raises(InvalidParameterError):
            fetch(store.url(), policy)
    assert store.connections == 0


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"]
)
def test_no_spelling_of_this_machine_is_reached(store: PictureStore, host: str) -> None:
    policy = UrlPolicy(schemes=("http",), ports=(store.port,))
    with pytest.raises((InvalidParameterError, InvalidImageError)) as refused:
        fetch(store.url(host=host), policy)
    assert "address" in str(refused.value) or "cannot be fetched" in str(refused.value)
    assert store.connections == 0


def test_a_name_with_one_private_address_among_public_ones_is_refused(
    store: PictureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [entry("1.1.1.1", store.port), entry("127.0.0.1", 80)])
    with pytest.raises(InvalidParameterError, match="public address"):
        fetch("http://rebinding.example.org/x", UrlPolicy(schemes=("http",)))


def entry(address: str, port: int) -> tuple[Any, ...]:
    return socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)


def test_a_name_is_resolved_once_and_the_checked_address_is_the_one_that_is_used(
    store: PictureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up = []

    def rebinding(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        looked_up.append(host)
        return [entry("127.0.0.1" if len(looked_up) == 1 else "127.0.0.2", port)]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    policy = UrlPolicy(schemes=("http",), trusted_hosts=(f"pictures.example.org:{store.port}",))
    assert fetch(store.url(host="pictures.example.org"), policy) == store.photo
    assert looked_up == ["pictures.example.org"]
    assert f"Host: pictures.example.org:{store.port}\r\n" in store.requests[0]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirection_within_the_policy_is_followed(store: PictureStore, status: int) -> None:
    store.answers["/old"] = redirect("../new?x=1", status)
    assert fetch(store.url("/old"), store.trusting) == store.photo
    assert store.requests[1].startswith("GET /new?x=1 ")


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://localhost:{port}/face.jpg",
        "http://[::1]/face.jpg",
        "file:///etc/passwd",
        "ftp://127.0.0.1/face.jpg",
        "gopher://127.0.0.1:{port}/_x",
        "//127.0.0.2/face.jpg",
        "http://user:secret@127.0.0.1:{port}/face.jpg",
    ],
)
def test_every_redirection_is_checked_like_the_first_url(store: PictureStore, location: str) -> None:
    store.answers["/old"] = redirect(location.format(port=store.port))
    with pytest.raises(InvalidParameterError):
        fetch(store.url("/old"), store.trusting)
    assert store.connections == 1


def test_redirections_are_counted(store: PictureStore) -> None:
    store.answers["/loop"] = redirect("/loop")
    with pytest.raises(InvalidParameterError, match="more than 3 times"):
        fetch(store.url("/loop"), store.trusting)
    assert store.connections == 4


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://example.org/x", "fetched by"),
        ("http://example.org/x", "fetched by https"),
        ("https://user@example.org/x", "name or password"),
        ("https://user:pass@example.org/x", "name or password"),
        ("https://example.org:22/x", "Port 22"),
        ("https://example.org:99999/x", "malformed"),
        ("https:///x", "no host"),
        ("https://exa mple.org/x", "malformed"),
        ("https://example.org/a\r\nX-Injected: 1", "malformed"),
        ("https://example.org\\@127.0.0.1/", "malformed"),
        ("https://[::1/x", "malformed"),
        ("https://example.org/" + "x" * 5000, "too long"),
        ("face.jpg", "fetched by"),
    ],
)
def test_a_url_the_policy_does_not_know_is_refused(url: str, reason: str) -> None:
    with pytest.raises(InvalidParameterError, match=reason):
        fetch(url, UrlPolicy())


@pytest.mark.parametrize("told", [True, False])
def test_a_file_over_the_limit_is_not_read_to_its_end(store: PictureStore, told: bool) -> None:
    sent: list[int] = []

    def flood(connection: socket.socket, _: str) -> None:
        length = f"Content-Length: {10**9}\r\n" if told else ""
        connection.sendall(f"HTTP/1.1 200 OK\r\n{length}\r\n".encode())
        with contextlib.suppress(OSError):
            while len(sent) < 1000:
                connection.sendall(bytes(65536))
                sent.append(65536)

    store.answers["/flood"] = flood
    policy = UrlPolicy(schemes=("http",), trusted_hosts=(f"127.0.0.1:{store.port}",), max_bytes=100_000, timeout_s=5.0)
    with pytest.raises(ImageTooLargeError):
        fetch(store.url("/flood"), policy)
    assert sum(sent) < 30_000_000


def test_the_client_s_own_limit_counts_too(store: PictureStore) -> None:
    with pytest.raises(ImageTooLargeError):
        fetch(store.url(), store.trusting, limit=100)


@pytest.mark.parametrize("part", ["nothing", "head", "body"])
def test_a_store_that_trickles_cannot_outlast_the_deadline(store: PictureStore, part: str) -> None:
    def trickle(connection: socket.socket, _: str) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
        slow = {"nothing": b"", "head": head, "body": head + bytes(1000)}[part]
        skipped = len(head) if part == "body" else 0
        with contextlib.suppress(OSError):
            connection.sendall(slow[:skipped])
            for byte in slow[skipped:]:
                connection.sendall(bytes([byte]))
                time.sleep(0.02)
            time.sleep(20)

    store.answers["/slow"] = trickle
    policy = UrlPolicy(schemes=("http",), trusted_hosts=(f"127.0.0.1:{store.port}",), timeout_s=0.3)
    with Stopwatch() as took, pytest.raises(DeadlineExceededError, match=r"in 0\.3 s"):
        fetch(store.url("/slow"), policy)
    assert took.own_s < 1.0


def test_the_deadline_of_the_call_counts_for_the_fetch(store: PictureStore) -> None:
    store.answers["/slow"] = lambda connection, _: time.sleep(20)
    with FakeServer() as server, Client(server.http_url) as client:
        with Stopwatch() as took, pytest.raises(DeadlineExceededError):
            client.segment(RemotePhoto(store.url("/slow"), store.trusting), timeout_s=0.3)
        assert took.own_s < 1.0
        assert server.received == ()


def test_a_resolver_that_hangs_cannot_outlast_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def hang(*_: Any, **__: Any) -> list[tuple[Any, ...]]:
        released.wait(5)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    with Stopwatch() as took, pytest.raises(DeadlineExceededError):
        fetch("https://example.org/x", UrlPolicy(timeout_s=0.3))
    assert took.own_s < 1.0
    released.set()


def test_connecting_and_shaking_hands_keep_the_deadline_together(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def late(self: socket.socket, address: Any) -> None:
        time.sleep(0.5)
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", late)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        host = f"127.0.0.1:{mute.getsockname()[1]}"
        with Stopwatch() as took, pytest.raises(DeadlineExceededError):
            fetch(f"https://{host}/x", UrlPolicy(trusted_hosts=(host,), timeout_s=0.6))
        assert took.own_s < 1.0


ANSWERS = {
    "not found": b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "a redirection to nowhere": b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
    "cut short": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "nothing": b"",
    "compressed": ok(b"\x1f\x8b", Content_Encoding="gzip"),
    "an endless header": b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 100_000,
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_whatever_else_is_answered_is_an_invalid_image_without_the_path(store: PictureStore, answer: bytes) -> None:
    store.answers["/secret-signature"] = answer
    with pytest.raises(InvalidImageError) as failed:
        fetch(store.url("/secret-signature"), store.trusting)
    assert "secret" not in str(failed.value)


def test_nobody_at_the_address_is_an_invalid_image(closed_port: int) -> None:
    policy = UrlPolicy(schemes=("http",), trusted_hosts=(f"127.0.0.1:{closed_port}",))
    with pytest.raises(InvalidImageError, match="cannot be fetched"):
        fetch(f"http://127.0.0.1:{closed_port}/x", policy)


def test_a_url_stays_out_of_repr() -> None:
    assert "signature" not in repr(RemotePhoto("https://example.org/x?signature=1"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"schemes": ()},
        {"schemes": ("file",)},
        {"max_redirects": -1},
        {"max_redirects": 11},
        {"max_bytes": 0},
        {"timeout_s": 0.0},
        {"timeout_s": float("nan")},
    ],
    ids=str,
)
def test_a_policy_that_bounds_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterError, match=next(iter(wrong))):
        UrlPolicy(**wrong)


@pytest.fixture
def secure_store(photo: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[PictureStore]:
    """Return a store over TLS whose certificate names 127.0.0.1 and that this process trusts."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    def trusting() -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        authority.configure_trust(made)
        return made

    monkeypatch.setattr(ssl, "create_default_context", trusting)
    with serving(photo, context) as running:
        yield running


def test_a_photograph_is_fetched_over_tls(secure_store: PictureStore) -> None:
    assert fetch(secure_store.url(), secure_store.trusting) == secure_store.photo


def test_a_redirection_out_of_tls_is_not_followed(secure_store: PictureStore, store: PictureStore) -> None:
    secure_store.answers["/old"] = redirect(store.url())
    with pytest.raises(InvalidParameterError, match="unencrypted"):
        fetch(secure_store.url("/old"), secure_store.trusting)
    assert store.connections == 0


def test_a_certificate_of_another_name_is_refused(secure_store: PictureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, port, **_: [entry("127.0.0.1", port)])
    policy = UrlPolicy(trusted_hosts=(f"elsewhere.example.org:{secure_store.port}",))
    with pytest.raises(InvalidImageError, match=r"cannot be fetched from elsewhere\.example\.org"):
        fetch(secure_store.url(host="elsewhere.example.org"), policy)
    assert secure_store.requests == []
