"""What TensorRT says while it works, bounded, and one logger per process.

TensorRT keeps the first logger it is given for as long as the process lives and ignores every later one; when Python
has freed that first one, the next message crashes the process. So there is one per module, never freed.

Source: TensorRT documentation, ``ILogger``.
"""

from __future__ import annotations

import re
from collections import deque
from functools import cache
from types import ModuleType
from typing import Any, Final

__all__ = ["BuilderLog", "builder_log", "builder_name", "plain"]

_FIRST_LINES: Final = 2_000
_LAST_LINES: Final = 8_000
_LINE_CHARS: Final = 2_000
_SILENT: Final = "VERBOSE"
_BAD: Final = frozenset({"ERROR", "INTERNAL_ERROR"})
_NO_DRIVER: Final = "CUDA driver version is insufficient"  # said on every CPU build, and no fault of the graph
_COMPLAINT: Final = re.compile(r"Error Code \d+: [A-Za-z ]+ \((?P<said>.+?)\.? In \w+ at [^)\s]+\)")


class BuilderLog:
    """The lines of one build: its first and its last ones, and its last error."""

    def __init__(self) -> None:
        self.logger: Any = None
        self.clear()

    def clear(self) -> None:
        """Forget everything; call this before a build."""
        self._first: list[str] = []
        self._last: deque[str] = deque(maxlen=_LAST_LINES)
        self._last_error = ""
        self._lines = 0

    def add(self, severity: str, message: str) -> None:
        """Take one message; verbose ones are dropped, long ones cut."""
        if severity == _SILENT:
            return
        line = f"[{severity}] {message}"[:_LINE_CHARS]
        self._lines += 1
        (self._first if len(self._first) < _FIRST_LINES else self._last).append(line)
        if severity in _BAD and _NO_DRIVER not in message:
            self._last_error = plain(message)

    @property
    def last_error(self) -> str:
        """Return the last error since ``clear``."""
        return self._last_error or "TensorRT gave no reason."

    @property
    def text(self) -> str:
        """Return the lines kept since ``clear``, with a note where lines were dropped."""
        dropped = self._lines - len(self._first) - len(self._last)
        note = [f"... {dropped} lines dropped ..."] if dropped else []
        return "\n".join([*self._first, *note, *self._last]) + "\n"


def builder_name(module: ModuleType) -> str:
    """Return package and version, such as ``tensorrt 10.13.0``."""
    return f"{module.__name__} {module.__version__}"


def plain(message: str) -> str:
    """Return what TensorRT complains about in a message, on one line, without the places in its own source."""
    lines = " ".join(line for line in message.splitlines() if _NO_DRIVER not in line)
    complaints = [found["said"] for found in _COMPLAINT.finditer(lines)]
    return ("; ".join(complaints) or " ".join(lines.split()))[:_LINE_CHARS]


@cache
def builder_log(module: ModuleType) -> BuilderLog:
    """Return the process's one log for ``module``; its ``logger`` is what TensorRT's objects take."""
    kept = BuilderLog()

    class Logger(module.ILogger):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            module.ILogger.__init__(self)

        def log(self, severity: Any, message: str) -> None:
            kept.add(severity.name, message)

    kept.logger = Logger()
    return kept
