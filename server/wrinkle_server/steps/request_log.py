r"""One JSON line in Triton's log for each request that a step could not answer.

Good requests are not logged. A line holds no image content, no message of an exception (it may quote content) and no
personal data; the request id is the caller's text, so it is cut and cleaned. Whoever floods the server with bad
requests must not fill the disk: lines beyond a budget are only counted, and the next line tells how many.

Triton puts its own time stamp in front and writes the line as a quoted string:
``W1122 14:36:36.829634 3205 request_log.py:60] "{\"event\": \"request_failed\", …}"``.
"""

from __future__ import annotations

import json
import re
import time
import traceback
from typing import Any, Final, Protocol

from wrinkle_core.errors import WrinkleError
from wrinkle_server.steps.backend import triton

__all__ = ["LINES_PER_SECOND", "Logger", "RequestLog", "clean_request_id"]

LINES_PER_SECOND: Final = 10
_MAX_REQUEST_ID_CHARS: Final = 64
_MAX_CODE_LINES: Final = 12
_UNCLEAN: Final = re.compile(r"[^A-Za-z0-9._:-]")


class Logger(Protocol):
    """What writes the lines: Triton's logger, or one like it."""

    def log_warn(self, line: str) -> None:
        """Write a warning."""

    def log_error(self, line: str) -> None:
        """Write an error."""


class RequestLog:
    """The log of one step instance, or of a worker of another server; ``logger`` is Triton's by default."""

    def __init__(self, *, model: str, instance: str, logger: Logger | None = None) -> None:
        self._names = {"model": model, "instance": instance}
        self._logger = logger
        self._second = 0
        self._lines = 0
        self._suppressed = 0

    def failed(self, error: Exception, known: WrinkleError, *, request_id: str, seconds: float) -> None:
        """Log one failed request.

        Args:
            error: What was raised.
            known: What the caller is told.
            request_id: As the caller sent it.
            seconds: How long the step worked on it.
        """
        if not self._within_budget():
            self._suppressed += 1
            return
        line: dict[str, object] = {
            "event": "request_failed",
            **self._names,
            "code": known.code,
            "request_id": clean_request_id(request_id),
            "seconds": round(seconds, 4),
        }
        if self._suppressed:
            line["suppressed"], self._suppressed = self._suppressed, 0
        logger: Any = self._logger or triton().Logger
        if error is known:
            logger.log_warn(json.dumps(line))
        else:
            logger.log_error(json.dumps(line | {"type": type(error).__name__, "at": _code_lines(error)}))

    def _within_budget(self) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._lines = second, 0
        self._lines += 1
        return self._lines <= LINES_PER_SECOND


def clean_request_id(request_id: str) -> str:
    """Return the caller's request id, bounded and without anything that could forge or break a log line."""
    return _UNCLEAN.sub("_", request_id[:_MAX_REQUEST_ID_CHARS])


def _code_lines(error: Exception) -> list[str]:
    """Return the last code lines that ``error`` passed, without its message."""
    frames = traceback.extract_tb(error.__traceback__)[-_MAX_CODE_LINES:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
