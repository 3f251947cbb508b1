"""A stopwatch that tells apart how long a call took and how long the machine kept it waiting."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Final

__all__ = ["Stopwatch"]

_TICK_S: Final = 0.01


class Stopwatch:
    """Measures the block it surrounds.

    A thread wakes every hundredth of a second. When it wakes late, nothing here had the processor for so long, and that
    is no fault of the call. So a bound on how long a call may take is one on ``own_s``, and a bound on how long it must
    take one on ``wall_s``.

    Attributes:
        wall_s: How long the block took.
        own_s: The same without the time in which the machine ran others.
    """

    wall_s: float
    own_s: float

    def __repr__(self) -> str:
        return f"Stopwatch(wall_s={self.wall_s:.3f}, own_s={self.own_s:.3f})"

    def __enter__(self) -> Stopwatch:
        self._ended = threading.Event()
        self._late_s = 0.0
        self._began_s = time.monotonic()
        self._ticker = threading.Thread(target=self._tick, name="stopwatch", daemon=True)
        self._ticker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wall_s = time.monotonic() - self._began_s
        self._ended.set()
        self._ticker.join()
        self.own_s = max(0.0, self.wall_s - self._late_s)

    def _tick(self) -> None:
        last_s, ended = self._began_s, False
        while not ended:
            ended = self._ended.wait(_TICK_S)
            now_s = time.monotonic()
            self._late_s += max(0.0, now_s - last_s - 2 * _TICK_S)
            last_s = now_s
