"""One HTTP request and its whole response, however the bytes travel: blocking a thread or on an event loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from wrinkle_client.deadline import Deadline
from wrinkle_core.errors import ServerFaultError

__all__ = ["HttpExchange", "HttpReply", "answer_too_large", "header_bytes"]


@dataclass(frozen=True, slots=True, eq=False)
class HttpReply:
    """A whole HTTP response.

    Attributes:
        status: HTTP status.
        body: At most ``Limits.max_response_bytes``.
        inference_header_bytes: Length of the JSON part of a binary inference answer; None when there is none.
        retry_after_s: Seconds the server asked to wait; None when it did not say.
    """

    status: int
    body: bytes
    inference_header_bytes: int | None
    retry_after_s: float | None = None


class HttpExchange(Protocol):
    """A bounded pool of connections to one server.

    A kept connection may have been closed by the server meanwhile; then the request is sent once more on a new one.
    """

    async def exchange(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> HttpReply:
        """Send one request and read its whole response.

        Raises:
            ServerUnreachableError: No connection, or it was cut.
            DeadlineExceededError: Time is up; also when every connection of the pool stays busy.
            ServerFaultError: The response is not HTTP, or over the size limit.
            UnauthorizedError: TLS failed because of this client's certificate.
            ServingError: The pool is closed.
        """

    async def close(self) -> None:
        """Close idle connections now and busy ones when their exchange ends, or at once on an event loop."""


def header_bytes(value: str) -> int | None:
    """Return the length that ``Inference-Header-Content-Length`` names; None when it is absent or no number."""
    return int(value) if value.isascii() and value.isdigit() and len(value) < 12 else None


def answer_too_large(max_bytes: int) -> ServerFaultError:
    """Return the error for an answer that is not read."""
    return ServerFaultError(f"The answer is over {max_bytes} bytes, more than any mask needs; it was not read.")
