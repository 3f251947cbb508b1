"""The authorization step: tells Envoy, over a Unix socket, which client a bearer token belongs to.

It sees the headers of a request, never its body, and writes neither tokens nor addresses anywhere.

Source: Envoy ``ext_authz`` HTTP service: 200 lets the request through, any other answer goes back to the caller.
"""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import TracebackType
from typing import Final

import structlog
from aiohttp import web

from wrinkle_core.errors import ArtifactError, ServerStartError
from wrinkle_server.gateway.envoy_config import CLIENT_HEADER
from wrinkle_server.gateway.tokens import TokenFile
from wrinkle_server.triton.unix_http import require_socket_path

__all__ = ["AuthorizeServer", "authorize_app", "serve_forever"]

_log: Final = structlog.get_logger("wrinkle.gateway")
_SCHEME: Final = "bearer"
_START_TIMEOUT_S: Final = 10.0


def authorize_app(tokens: TokenFile) -> web.Application:
    """Return the application that answers Envoy's questions."""

    async def authorize(request: web.Request) -> web.Response:
        try:
            client = tokens.client_of(_bearer_token(request))
        except ArtifactError as error:
            _log.error("nobody is let in", error=str(error))
            return web.Response(status=503)
        if client is None:
            return web.Response(status=401, headers={"WWW-Authenticate": 'Bearer realm="wrinkle"'})
        return web.Response(headers={CLIENT_HEADER: client})

    app = web.Application(client_max_size=0)
    app.router.add_route("*", "/authorize{rest:.*}", authorize)
    return app


def _bearer_token(request: web.Request) -> str:
    """Return the one bearer token of the request, or an empty string."""
    given = request.headers.getall("Authorization", [])
    scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    return token if scheme.lower() == _SCHEME else ""


async def _serve(app: web.Application, socket: Path, stopped: asyncio.Event, started: threading.Event) -> None:
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await web.UnixSite(runner, str(socket)).start()
        socket.chmod(0o600)
        started.set()
        await stopped.wait()
    finally:
        await runner.cleanup()
        socket.unlink(missing_ok=True)


class AuthorizeServer:
    """The authorization step in a thread of this process; a context manager starts and stops it."""

    def __init__(self, token_file: Path, socket: Path) -> None:
        self._tokens = TokenFile(token_file)
        self._socket = socket
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped = asyncio.Event()
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="gateway-authorize", daemon=True)

    def __enter__(self) -> AuthorizeServer:
        """Start.

        Raises:
            ArtifactError: The token file cannot be used.
            ServerStartError: The socket cannot be made.
        """
        require_socket_path(self._socket)
        self._tokens.refresh()
        self._thread.start()
        if not self._started.wait(_START_TIMEOUT_S) or self._failure is not None:
            raise ServerStartError(f"The authorization step did not start: {self._failure or 'no answer'}.")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread.is_alive() and self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopped.set)
            self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except OSError as error:
            self._failure = error
        finally:
            self._started.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        await _serve(authorize_app(self._tokens), self._socket, self._stopped, self._started)


def serve_forever(token_file: Path, socket: Path) -> None:
    """Run the authorization step alone, beside an Envoy that something else runs, until interrupted.

    Raises:
        ArtifactError: The token file cannot be used.
        ServerStartError: The socket's path is too long.
    """
    require_socket_path(socket)
    tokens = TokenFile(token_file)
    tokens.refresh()
    socket.unlink(missing_ok=True)
    asyncio.run(_serve(authorize_app(tokens), socket, asyncio.Event(), threading.Event()))
