"""What the gateway's tests share: a cheap backend that records what reaches it, and requests sent byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

from aiohttp import web

from wrinkle_server.gateway.options import Backend
from wrinkle_server.triton.ports import free_ports

MAX_RECORDED_BODY_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Seen:
    """One request as it reached the backend."""

    method: str
    target: str
    headers: dict[str, str]
    body_bytes: int


@dataclass
class HttpBackend:
    """A server that stands for one Triton over HTTP and its supervisor; a context manager runs it.

    Attributes:
        status: What every request is answered with.
        delay_s: How long an answer takes.
        ready: What the supervisor says.
    """

    status: int = 200
    delay_s: float = 0.0
    ready: bool = True
    seen: list[Seen] = field(default_factory=list)
    ports: tuple[int, ...] = field(default_factory=lambda: free_ports(3))

    @property
    def backend(self) -> Backend:
        return Backend("127.0.0.1", *self.ports)

    def __enter__(self) -> HttpBackend:
        self._loop = asyncio.new_event_loop()
        self._stopped = asyncio.Event()
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._run(started)), daemon=True)
        self._thread.start()
        assert started.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()
        self._loop.close()

    async def _run(self, started: threading.Event) -> None:
        inference = web.Application(client_max_size=MAX_RECORDED_BODY_BYTES)
        inference.router.add_route("*", "/{rest:.*}", self._answer)
        supervisor = web.Application()
        supervisor.router.add_get("/readyz", self._readiness)
        runners = [web.AppRunner(app, access_log=None, shutdown_timeout=0.1) for app in (inference, supervisor)]
        for runner, port in zip(runners, (self.ports[0], self.ports[2]), strict=True):
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", port).start()
        started.set()
        await self._stopped.wait()
        for runner in runners:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.seen.append(Seen(request.method, request.raw_path, dict(request.headers), len(body)))
        await asyncio.sleep(self.delay_s)
        error = json.dumps({"error": f"status {self.status}"}) if self.status >= 400 else "{}"
        return web.Response(status=self.status, text=error, content_type="application/json")

    async def _readiness(self, request: web.Request) -> web.Response:
        return web.Response(status=200 if self.ready else 503)


@dataclass(frozen=True)
class Reply:
    """An HTTP/1.1 response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> str:
        return str(json.loads(self.body)["error"])


def send_raw(port: int, request: bytes, *, tls: ssl.SSLContext | None = None, timeout_s: float = 20.0) -> Reply:
    """Send ``request`` exactly as it is and read the one final response; the rest of a body is never sent."""
    plain = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
    with tls.wrap_socket(plain, server_hostname="localhost") if tls is not None else plain as connection:
        connection.sendall(request)
        with contextlib.closing(
            http.client.HTTPResponse(connection, method=request.split(b" ", 1)[0].decode())
        ) as response:
            response.begin()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, names, response.read())


def send(
    port: int,
    method: str = "GET",
    target: str = "/v2/models/wrinkle_unetpp",
    *,
    body: bytes = b"",
    tls: ssl.SSLContext | None = None,
    **headers: str,
) -> Reply:
    """Send a well-formed request; underscores in the names of ``headers`` become dashes."""
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
        if "inference_header_content_length" not in map(str.lower, headers):
            lines.append("Inference-Header-Content-Length: 0")  # the body is the photograph and nothing else
    return send_raw(port, ("\r\n".join(lines) + "\r\n\r\n").encode() + body, tls=tls)


def until(condition: Callable[[], bool], timeout_s: float = 10.0) -> bool:
    """Return whether ``condition`` came true in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
