"""From what a transport reports to the error tree.

Order: an error the server's steps wrote (``from_wire``), then Triton's own words where they tell two cases of a status
apart, then the status alone. HTTP statuses are turned into gRPC codes first, so there is one table.

Source of the statuses: Triton core ``tritonserver.h`` error codes, as its HTTP and gRPC front ends translate them.
"""

from __future__ import annotations

import re
from typing import Final

from wrinkle_core.errors import (
    ContractError,
    DeadlineExceededError,
    ImageTooLargeError,
    ModelNotFoundError,
    ModelNotReadyError,
    OverloadedError,
    ServerFaultError,
    ServerUnreachableError,
    ServingError,
    UnauthorizedError,
    WrinkleError,
    from_wire,
)

__all__ = [
    "CUT_SHORT",
    "GRPC_ERRORS",
    "HTTP_CODES",
    "NO_ANSWER",
    "TOO_SLOW_TO_CONNECT",
    "closed",
    "not_http",
    "tls_failure",
    "unreachable",
    "wire_failure",
]

# Every code of grpc.StatusCode but OK; a test fails when gRPC gains one that is not here.
GRPC_ERRORS: Final[dict[str, type[WrinkleError]]] = {
    "CANCELLED": ServerUnreachableError,
    "UNKNOWN": ServerFaultError,
    "INVALID_ARGUMENT": ContractError,
    "DEADLINE_EXCEEDED": DeadlineExceededError,
    "NOT_FOUND": ModelNotFoundError,
    "ALREADY_EXISTS": ServerFaultError,
    "PERMISSION_DENIED": UnauthorizedError,
    "UNAUTHENTICATED": UnauthorizedError,
    "RESOURCE_EXHAUSTED": OverloadedError,
    "FAILED_PRECONDITION": ServerFaultError,
    "ABORTED": OverloadedError,
    "UNIMPLEMENTED": ServerFaultError,
    "OUT_OF_RANGE": ServerFaultError,
    "INTERNAL": ServerFaultError,
    "UNAVAILABLE": ServerUnreachableError,
    "DATA_LOSS": ServerFaultError,
}

HTTP_CODES: Final[dict[int, str]] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    409: "ALREADY_EXISTS",
    413: "RESOURCE_EXHAUSTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}

_WORDS: Final[tuple[tuple[re.Pattern[str], type[WrinkleError]], ...]] = (
    (re.compile(r"maximum queue size|request timeout expired|overload", re.I), OverloadedError),
    (
        re.compile(
            r"^(?!failed to connect).*(server is stopping|stopped accepting|goaway|rst_stream|connection reset"
            r"|socket closed|bad gateway|no healthy upstream|upstream connect error|before headers)",
            re.I | re.S,
        ),
        ServerUnreachableError,
    ),
    (
        re.compile(
            r"not at ready state|no available versions|not ready|stub process .*not healthy"
            r"|failed to (send|receive|initialize|launch) .*stub",
            re.I,
        ),
        ModelNotReadyError,
    ),
    (re.compile(r"unknown model", re.I), ModelNotFoundError),
)
_CODES_THAT_NEED_WORDS: Final = frozenset({"UNAVAILABLE", "NOT_FOUND", "INVALID_ARGUMENT", "INTERNAL", "UNKNOWN"})
_MESSAGE_TOO_LARGE: Final = re.compile(r"message larger than max|(payload|entity|content) too large", re.I)
_TLS: Final = re.compile(r"ssl handshake|SSL_ERROR_SSL|certificate", re.I)
_CLIENT_CERTIFICATE: Final = re.compile(
    r"alert[ _](certificate[ _]required|bad[ _]certificate|unknown[ _]ca|certificate[ _]unknown"
    r"|certificate[ _]expired|access[ _]denied|handshake[ _]failure)",
    re.I,
)
_ADVICE: Final[dict[type[WrinkleError], str]] = {
    ContractError: "The server refused the request's form; install matching versions of client and server.",
    DeadlineExceededError: "The server or a gateway gave up waiting; send fewer photographs at once.",
    ImageTooLargeError: "The server or a gateway refuses a file of this size; save the photograph smaller.",
    ModelNotFoundError: "The server does not serve this model; see which with `Client.models()`.",
    ModelNotReadyError: "The server is up, the model is loading or being repaired; wait with `Client.wait_ready()`.",
    OverloadedError: "The server's queue is full; send fewer photographs at once or try again later.",
    ServerFaultError: "The server failed; its log says why.",
    ServerUnreachableError: "The server stops, or the gateway before it reaches none; try again in a few seconds.",
    UnauthorizedError: "The gateway does not accept who asks; give a valid token or client certificate.",
}
# Why a server is unreachable, the same words whichever library noticed.
CUT_SHORT: Final = "the connection was cut in the middle of the answer"
NO_ANSWER: Final = "it closed the connection without an answer"
TOO_SLOW_TO_CONNECT: Final = "connecting took too long"

_PATH: Final = re.compile(r"(?:[A-Za-z]:)?(?:[\\/][\w.@+-]+){2,}")
_MAX_QUOTED_CHARS: Final = 200


def wire_failure(code: str, text: str, *, url: str, answered: bool, retry_after_s: float | None = None) -> WrinkleError:
    """Return the error for a failed call.

    Args:
        code: Name of a ``grpc.StatusCode``; anything unknown counts as ``UNKNOWN``.
        text: The server's or the transport's message; may be empty.
        url: Where the call went, for the message.
        answered: True when an HTTP response came, so that UNAVAILABLE cannot mean that nobody listens.
        retry_after_s: How long the server asked to wait, or None.
    """
    error = from_wire(text) or _from_transport(code, text, url, answered)
    if isinstance(error, ServingError):
        error.retry_after_s = retry_after_s
    return error


def unreachable(url: str, reason: str) -> ServerUnreachableError:
    """Return the error for a server that cannot be reached, with the way to start one."""
    quoted = _quote(reason)
    return ServerUnreachableError(
        f"No server answers at {url}{f' ({quoted})' if quoted else ''}. "
        "Start one with `wrinkle serve`, or give the URL of one that runs."
    )


def not_http(url: str) -> ServerFaultError:
    """Return the error for a server whose bytes are no HTTP."""
    return ServerFaultError(f"What listens at {url} does not speak HTTP; `wrinkle serve` prints its ports.")


def closed() -> ServingError:
    """Return the error for a call after ``close``."""
    return ServingError("This client is closed; make a new one.")


def tls_failure(reason: str, url: str) -> ServerUnreachableError | UnauthorizedError:
    """Return the error for a TLS handshake that failed for ``reason``, as OpenSSL names it."""
    if _CLIENT_CERTIFICATE.search(reason):
        return UnauthorizedError(
            f"{url} does not accept this client's certificate, or asks for one: {reason}. Give client_certificate."
        )
    return ServerUnreachableError(
        f"TLS with {url} failed: {reason}. Check the scheme and the server's certificate; name its authority's "
        "file with ca_file when the system does not know it."
    )


def _from_transport(code: str, text: str, url: str, answered: bool) -> WrinkleError:
    kind = _by_words(code, text)
    if kind is None:
        kind = GRPC_ERRORS.get(code, ServerFaultError)
        if kind is ServerUnreachableError:
            if not answered:
                return tls_failure(_quote(text), url) if _TLS.search(text) else unreachable(url, text)
            kind = OverloadedError
    quoted = _quote(text)
    return kind(f"{_ADVICE[kind]} It said {code}{f': {quoted}' if quoted else ''}")


def _by_words(code: str, text: str) -> type[WrinkleError] | None:
    if _MESSAGE_TOO_LARGE.search(text):
        # gRPC prefixes CLIENT: when the answer broke our own limit, SERVER: when the photograph broke the server's.
        return ServerFaultError if "CLIENT: Received" in text else ImageTooLargeError
    if code in _CODES_THAT_NEED_WORDS:
        for pattern, kind in _WORDS:
            if pattern.search(text):
                return kind
    return None


def _quote(text: str) -> str:
    """Return the first line of a foreign message, bounded and without file paths; tracebacks follow later lines."""
    lines = text.strip().splitlines()
    return _PATH.sub("...", lines[0])[:_MAX_QUOTED_CHARS].rstrip(". ") if lines else ""
