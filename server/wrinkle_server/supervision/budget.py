"""How often something may be tried within a window of time."""

from __future__ import annotations

import time
from collections import deque
from typing import Final

__all__ = ["Budget"]

_WINDOW_S: Final = 600.0


class Budget:
    """At most ``limit`` tries in any ten minutes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._spent_s: deque[float] = deque()

    @property
    def spent(self) -> int:
        """Tries within the last ten minutes."""
        while self._spent_s and time.monotonic() - self._spent_s[0] > _WINDOW_S:
            self._spent_s.popleft()
        return len(self._spent_s)

    def spend(self) -> bool:
        """Count one try; False, and nothing counted, when none is left."""
        if self.spent >= self._limit:
            return False
        self._spent_s.append(time.monotonic())
        return True
