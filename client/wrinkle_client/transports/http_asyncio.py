"""Keep-alive HTTP/1.1 connections on an event loop, through aiohttp: the same promises as ``http_blocking.py``.

Nothing comes from the environment or from the server's side: no proxies, cookies, redirects or decompression.
"""

from __future__ import annotations

import asyncio
import io
import socket
import ssl
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

import aiohttp
from yarl import URL

from wrinkle_client.deadline import CONNECT_LIMIT_S, Deadline
from wrinkle_client.endpoint import Endpoint
from wrinkle_client.event_loop import OwnLoop
from wrinkle_client.failures import (
    CUT_SHORT,
    NO_ANSWER,
    TOO_SLOW_TO_CONNECT,
    closed,
    not_http,
    tls_failure,
    unreachable,
)
from wrinkle_client.limits import Limits
from wrinkle_client.retry_after import retry_after_s
from wrinkle_client.transports.http_exchange import HttpReply, answer_too_large, header_bytes
from wrinkle_core.errors import WrinkleError

__all__ = ["AsyncioHttp"]

_CHUNK_BYTES: Final = 256 * 1024
# aiohttp rounds time limits over this many seconds up to whole ones.
_NEVER_ROUND_S: Final = 1e6
_TIMER_SLACK_S: Final = 0.01
_SENT_AGAIN: Final = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionError, ssl.SSLError)


@dataclass(eq=False)
class _Try:
    """One request on the wire.

    Attributes:
        on_kept_connection: Whether the connection had been used before.
        transport: The connection; None before there is one.
        whole: Whether the response was read to its end.
    """

    on_kept_connection: bool = False
    transport: asyncio.Transport | None = None
    whole: bool = False

    def end(self) -> None:
        """Drop a connection that cannot be used again: closed in order, it would wait for a peer that may be gone."""
        if self.transport is None or (self.whole and not self.transport.is_closing()):
            return
        opened = self.transport.get_extra_info("socket")
        if opened is not None:  # abort alone misses a connection under TLS that aiohttp has closed twice
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
        self.transport.abort()


_current_try: ContextVar[_Try] = ContextVar("_current_try")


class _Response(aiohttp.ClientResponse):
    """Tells the current try its connection; aiohttp shows it to nobody when the exchange fails."""

    async def start(self, connection: Any) -> aiohttp.ClientResponse:
        _current_try.get().transport = connection.transport
        return await super().start(connection)


class AsyncioHttp:
    """``HttpExchange`` on the event loop of its first use."""

    def __init__(self, endpoint: Endpoint, limits: Limits, tls: ssl.SSLContext | None) -> None:
        self._endpoint = endpoint
        self._limits = limits
        self._tls = tls
        self._base = f"http{'' if tls is None else 's'}://{endpoint.authority}{endpoint.path}"
        self._loop = OwnLoop()
        self._session: aiohttp.ClientSession | None = None
        self._tries: set[_Try] = set()
        self._closed = False

    async def exchange(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> HttpReply:
        """Send one request and read its whole response."""
        session = self._open()
        while True:
            one = _Try()
            _current_try.set(one)
            self._tries.add(one)
            try:
                return await self._send(session, method, path, deadline, body, headers or {}, one)
            except WrinkleError:
                raise
            except _SENT_AGAIN as error:
                if not one.on_kept_connection or self._closed:
                    raise self._typed(error, deadline) from error
                deadline.require_s()  # the server closed it meanwhile; each such connection is gone after one try
            except (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError, RuntimeError) as error:
                raise self._typed(error, deadline) from error
            finally:
                self._tries.discard(one)
                one.end()

    async def close(self) -> None:
        """Close every connection; exchanges on them fail."""
        self._closed = True
        session, self._session = self._session, None
        for one in self._tries:
            one.end()
        if session is not None and session.connector is not None:
            await session.connector.close(abort_ssl=True)
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise closed()
        self._loop.require()
        if self._session is None:
            trace = aiohttp.TraceConfig()
            trace.on_connection_reuseconn.append(_note_kept_connection)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._limits.max_connections, limit_per_host=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                response_class=_Response,
                auto_decompress=False,
                skip_auto_headers=("User-Agent", "Accept-Encoding", "Content-Type"),
                trace_configs=[trace],
            )
        return self._session

    async def _send(
        self,
        session: aiohttp.ClientSession,
        method: str,
        path: str,
        deadline: Deadline,
        body: bytes | None,
        headers: dict[str, str],
        one: _Try,
    ) -> HttpReply:
        remaining_s = deadline.require_s()
        async with session.request(
            method,
            URL(self._base + path, encoded=True),
            data=None if body is None else io.BytesIO(body),
            headers=headers,
            allow_redirects=False,
            ssl=True if self._tls is None else self._tls,
            timeout=aiohttp.ClientTimeout(
                total=remaining_s, sock_connect=min(remaining_s, CONNECT_LIMIT_S), ceil_threshold=_NEVER_ROUND_S
            ),
            trace_request_ctx=one,
        ) as response:
            data = await _read_bounded(response, self._limits.max_response_bytes)
            one.whole = True
            return HttpReply(
                response.status,
                data,
                header_bytes(response.headers.get("Inference-Header-Content-Length", "")),
                retry_after_s(response.headers.get("Retry-After", "")),
            )

    def _typed(self, error: Exception, deadline: Deadline) -> WrinkleError:
        """Return the error of the tree for what aiohttp raised."""
        url = self._endpoint.url
        if self._closed:
            return closed()
        if isinstance(error, asyncio.TimeoutError):
            late = deadline.remaining_s() <= _TIMER_SLACK_S
            return deadline.exceeded() if late else unreachable(url, TOO_SLOW_TO_CONNECT)
        secured = next((each for each in (error.__cause__, error) if isinstance(each, ssl.SSLError)), None)
        if secured is not None:
            return tls_failure(getattr(secured, "reason", "") or "handshake failed", url)
        if isinstance(error, aiohttp.ServerDisconnectedError):
            return unreachable(url, NO_ANSWER)
        if isinstance(error, aiohttp.ClientPayloadError):
            return unreachable(url, CUT_SHORT)
        if isinstance(error, aiohttp.ClientResponseError):
            return not_http(url)
        if isinstance(error, OSError):
            return unreachable(url, error.strerror or type(error).__name__)
        if isinstance(error, ValueError):
            return unreachable(url, "the host name is malformed")
        return unreachable(url, type(error).__name__)


async def _note_kept_connection(_session: aiohttp.ClientSession, context: SimpleNamespace, _parameters: Any) -> None:
    context.trace_request_ctx.on_kept_connection = True


async def _read_bounded(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    if response.content_length is not None and response.content_length > max_bytes:
        raise answer_too_large(max_bytes)
    data = bytearray()
    while chunk := await response.content.read(_CHUNK_BYTES):
        data += chunk
        if len(data) > max_bytes:
            raise answer_too_large(max_bytes)
    return bytes(data)
