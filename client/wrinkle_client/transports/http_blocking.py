"""Keep-alive HTTP/1.1 connections under one total deadline per exchange, shared by any number of threads.

Why not tritonclient's HTTP client: none of its methods is thread-safe, its time limits start anew with every packet,
and it reads answers of any size. Here the standard library's connections stand in a bounded pool; before every read the
socket is given what is left of the deadline, so that a server that trickles bytes cannot outlast it.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from typing import Final

from wrinkle_client.deadline import CONNECT_LIMIT_S, Deadline
from wrinkle_client.endpoint import Endpoint
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
from wrinkle_client.name_lookup import NameLookup
from wrinkle_client.retry_after import retry_after_s
from wrinkle_client.transports.deadline_response import DeadlineResponse
from wrinkle_client.transports.http_exchange import HttpReply, answer_too_large, header_bytes
from wrinkle_core.errors import WrinkleError

__all__ = ["BlockingHttp"]

_LOOKUPS: Final = 4


class BlockingHttp:
    """``HttpExchange`` that blocks the calling thread."""

    def __init__(self, endpoint: Endpoint, limits: Limits, tls: ssl.SSLContext | None) -> None:
        self._endpoint = endpoint
        self._max_response_bytes = limits.max_response_bytes
        self._slots = threading.BoundedSemaphore(limits.max_connections)
        self._lock = threading.Lock()
        self._idle: list[_Connection] = []
        self._closed = False
        self._tls = tls
        self._lookup = NameLookup(_LOOKUPS)

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
        if not self._slots.acquire(timeout=deadline.require_s()):
            raise deadline.exceeded()
        try:
            kept = self._take_idle()
            if kept is not None:
                try:
                    return self._send_and_keep(kept, method, path, deadline, body, headers)
                except (http.client.RemoteDisconnected, ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
                    deadline.require_s()
            return self._send_and_keep(self._new_connection(), method, path, deadline, body, headers)
        except WrinkleError:
            raise
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            raise _typed(error, self._endpoint.url, deadline) from error
        finally:
            self._slots.release()

    async def close(self) -> None:
        """Close idle connections now and busy ones when their exchange ends."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take_idle(self) -> _Connection | None:
        with self._lock:
            if self._closed:
                raise closed()
            return self._idle.pop() if self._idle else None

    def _new_connection(self) -> _Connection:
        return _Connection(self._endpoint, self._tls, self._lookup)

    def _send_and_keep(
        self,
        connection: _Connection,
        method: str,
        path: str,
        deadline: Deadline,
        body: bytes | None,
        headers: dict[str, str] | None,
    ) -> HttpReply:
        reusable = False
        try:
            reply, reusable = connection.exchange(
                method, self._endpoint.path + path, deadline, body, headers or {}, self._max_response_bytes
            )
            return reply
        finally:
            with self._lock:
                keep = reusable and not self._closed
                if keep:
                    self._idle.append(connection)
            if not keep:
                connection.close()


class _Connection:
    """One connection, used by one thread at a time."""

    def __init__(self, endpoint: Endpoint, tls: ssl.SSLContext | None, lookup: NameLookup) -> None:
        self._tls = tls
        self._lookup = lookup
        if tls is None:
            self._http = http.client.HTTPConnection(endpoint.host, endpoint.port)
        else:
            self._http = http.client.HTTPSConnection(endpoint.host, endpoint.port, context=tls)

    def exchange(
        self, method: str, path: str, deadline: Deadline, body: bytes | None, headers: dict[str, str], max_bytes: int
    ) -> tuple[HttpReply, bool]:
        """Return the response and whether the connection may be used again."""
        if self._http.sock is None:
            self._http.sock = self._connect(deadline)
        self._http.sock.settimeout(deadline.require_s())
        # The response must read through the deadline from its first byte on.
        self._http.response_class = lambda sock, *args, **kwargs: DeadlineResponse(sock, deadline, *args, **kwargs)  # type: ignore[assignment]
        try:
            self._http.request(method, path, body=body, headers=headers)
        except (BrokenPipeError, ssl.SSLEOFError):
            # A server that refuses a large body answers and closes before it has read it all: the answer counts.
            if body is None:
                raise
        with self._http.getresponse() as response:
            expected = response.length
            if expected is not None and expected > max_bytes:
                raise answer_too_large(max_bytes)
            data = response.read(max_bytes + 1) if expected is None else response.read()
            if len(data) > max_bytes:
                raise answer_too_large(max_bytes)
            json_bytes = response.getheader("Inference-Header-Content-Length", "")
            wait_s = retry_after_s(response.getheader("Retry-After", ""))
        return HttpReply(response.status, data, header_bytes(json_bytes), wait_s), not response.will_close

    def _connect(self, deadline: Deadline) -> socket.socket:
        """Return a connection to the first of the host's addresses that answers; all tries together keep the deadline.

        ``http.client`` itself would give each address the whole time.
        """
        problem: OSError = OSError("the name has no address")
        found = self._lookup.addresses(self._http.host, self._http.port, deadline)
        for family, kind, protocol, _, address in found:
            limit_s = min(deadline.require_s(), CONNECT_LIMIT_S)
            connection = socket.socket(family, kind, protocol)
            try:
                connection.settimeout(limit_s)
                connection.connect(address)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                break
            except OSError as error:
                connection.close()
                problem = error
        else:
            raise problem
        try:
            connection.settimeout(min(deadline.require_s(), CONNECT_LIMIT_S))
            return (
                connection if self._tls is None else self._tls.wrap_socket(connection, server_hostname=self._http.host)
            )
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        self._http.close()


def _typed(error: Exception, url: str, deadline: Deadline) -> WrinkleError:
    """Return the error of the tree for what the standard library raised."""
    if isinstance(error, TimeoutError):
        return deadline.exceeded() if deadline.remaining_s() <= 0 else unreachable(url, TOO_SLOW_TO_CONNECT)
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        return tls_failure(error.reason or "handshake failed", url)
    if isinstance(error, http.client.RemoteDisconnected):
        return unreachable(url, NO_ANSWER)
    if isinstance(error, http.client.IncompleteRead):
        return unreachable(url, CUT_SHORT)
    if isinstance(error, http.client.HTTPException):
        return not_http(url)
    if isinstance(error, OSError):
        return unreachable(url, error.strerror or type(error).__name__)
    return unreachable(url, "the host name is malformed")
