"""What a running command does with signals: the first asks it to stop, each later one to hurry."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Final

__all__ = ["Interruption"]

_NUMBERS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption:
    """Between enter and exit, turns the first signal into KeyboardInterrupt and later ones into calls of ``hurry``.

    Attributes:
        hurry: Ends at once what stops too slowly; called from a signal handler, so it may only do what is safe there.
    """

    def __init__(self) -> None:
        self.hurry: Callable[[], None] = lambda: None
        self._asked = False
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        self._previous = {number: signal.signal(number, self._handle) for number in _NUMBERS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            self.hurry()
            return
        self._asked = True
        raise KeyboardInterrupt
