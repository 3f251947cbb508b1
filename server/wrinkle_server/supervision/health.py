"""What a supervisor tells of itself and its server, from one thread to others."""

from __future__ import annotations

import threading
import time
from typing import Final

from wrinkle_server.supervision.instruments import Instruments

__all__ = ["HEARTBEAT_LIMIT_S", "Health"]

HEARTBEAT_LIMIT_S: Final = 120.0  # longer than the longest single action of a repair


class Health:
    """Heartbeat and readiness; every method may be called from any thread.

    Attributes:
        instruments: The supervisor's metrics.
    """

    def __init__(self) -> None:
        self.instruments = Instruments()
        self._lock = threading.Lock()
        self._beat_s = time.monotonic()
        self._reasons: tuple[str, ...] = ("starting",)

    def beat(self) -> None:
        """Say that the supervisor is at work."""
        with self._lock:
            self._beat_s = time.monotonic()

    def heartbeat_age_s(self) -> float:
        """Return for how long the supervisor has not said so."""
        with self._lock:
            return time.monotonic() - self._beat_s

    def live(self) -> bool:
        """Return whether the supervisor is at work; says nothing about load, so overload kills no server."""
        return self.heartbeat_age_s() < HEARTBEAT_LIMIT_S

    def set_ready(self) -> None:
        """Say that every step can serve."""
        self._set(())

    def set_not_ready(self, *reasons: str) -> None:
        """Say why not every step can serve."""
        self._set(reasons)

    def reasons(self) -> tuple[str, ...]:
        """Return why the server is not ready; empty when it is."""
        with self._lock:
            return self._reasons

    def _set(self, reasons: tuple[str, ...]) -> None:
        with self._lock:
            self._reasons = reasons
            self.instruments.ready.set(0 if reasons else 1)
