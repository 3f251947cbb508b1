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
    WrinkleError,
    from_wire,
)

__all__ = ["GRPC_ERRORS", "HTTP_CODES", "unreachable", "wire_failure"]

# Every code of grpc.StatusCode but OK; a test fails when gRPC gains one that is not here.
GRPC_ERRORS: Final[dict[str, type[WrinkleError]]] = {
    "CANCELLED": ServerUnreachableError,
    "UNKNOWN": ServerFaultError,
    "INVALID_ARGUMENT": ContractError,
    "DEADLINE_EXCEEDED": DeadlineExceededError,
    "NOT_FOUND": ModelNotFoundError,
    "ALREADY_EXISTS": ServerFaultError,
    "PERMISSION_DENIED": ServerFaultError,
    "UNAUTHENTICATED": ServerFaultError,
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

_TRITON_WORDS: Final = (
    (re.compile(r"maximum queue size|request timeout expired|overload", re.I), OverloadedError),
    (re.compile(r"not at ready state|no available versions|not ready", re.I), ModelNotReadyError),
    (re.compile(r"unknown model", re.I), ModelNotFoundError),
)
_MESSAGE_TOO_LARGE: Final = re.compile(r"message larger than max|(payload|entity|content) too large", re.I)
_ADVICE: Final[dict[type[WrinkleError], str]] = {
    ContractError: "The server refused the request's form; install matching versions of client and server.",
    DeadlineExceededError: "The server or a gateway gave up waiting; send fewer photographs at once.",
    ImageTooLargeError: "The server or a gateway refuses a file of this size; save the photograph smaller.",
    ModelNotFoundError: "The server does not serve this model; see which with `Client.models()`.",
    ModelNotReadyError: "The server is up, the model is still loading; wait with `Client.wait_ready()`.",
    OverloadedError: "The server's queue is full; send fewer photographs at once or try again later.",
    ServerFaultError: "The server failed; its log says why.",
}
_PATH: Final = re.compile(r"(?:[A-Za-z]:)?(?:[\\/][\w.@+-]+){2,}")
_MAX_QUOTED_CHARS: Final = 200


def wire_failure(code: str, text: str, *, url: str, answered: bool) -> WrinkleError:
    """Return the error for a failed call.

    Args:
        code: Name of a ``grpc.StatusCode``; anything unknown counts as ``UNKNOWN``.
        text: The server's or the transport's message; may be empty.
        url: Where the call went, for the message.
        answered: True when an HTTP response came, so that UNAVAILABLE cannot mean that nobody listens.
    """
    written = from_wire(text)
    if written is not None:
        return written
    kind = _by_words(code, text) or GRPC_ERRORS.get(code, ServerFaultError)
    if kind is ServerUnreachableError:
        if not answered:
            return unreachable(url, text)
        kind = OverloadedError
    quoted = _quote(text)
    return kind(f"{_ADVICE[kind]} It said {code}{f': {quoted}' if quoted else ''}")


def unreachable(url: str, reason: str) -> ServerUnreachableError:
    """Return the error for a server that cannot be reached, with the way to start one."""
    quoted = _quote(reason)
    return ServerUnreachableError(
        f"No server answers at {url}{f' ({quoted})' if quoted else ''}. "
        "Start one with `wrinkle serve`, or give the URL of one that runs."
    )


def _by_words(code: str, text: str) -> type[WrinkleError] | None:
    if _MESSAGE_TOO_LARGE.search(text):
        # gRPC prefixes CLIENT: when the answer broke our own limit, SERVER: when the photograph broke the server's.
        return ServerFaultError if "CLIENT: Received" in text else ImageTooLargeError
    if code in ("UNAVAILABLE", "NOT_FOUND", "INVALID_ARGUMENT", "INTERNAL", "UNKNOWN"):
        for pattern, kind in _TRITON_WORDS:
            if pattern.search(text):
                return kind
    return None


def _quote(text: str) -> str:
    """Return the first line of a foreign message, bounded and without file paths; tracebacks follow later lines."""
    lines = text.strip().splitlines()
    return _PATH.sub("...", lines[0])[:_MAX_QUOTED_CHARS].rstrip(". ") if lines else ""
