"""One total deadline per call: waiting for a connection, connecting, sending, retries and the answer all draw on it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Final

from wrinkle_core.errors import DeadlineExceededError, InvalidParameterError

__all__ = ["CONNECT_LIMIT_S", "MAX_TIMEOUT_S", "Deadline"]

CONNECT_LIMIT_S: Final = 5.0
MAX_TIMEOUT_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point on the monotonic clock.

    Attributes:
        ends_at_s: ``time.monotonic()`` value at which time is up.
        limit_s: The whole time allowed, for messages.
    """

    ends_at_s: float
    limit_s: float

    @classmethod
    def after(cls, limit_s: float) -> Deadline:
        """Return the deadline ``limit_s`` seconds from now.

        Raises:
            InvalidParameterError: Not in (0, 3600].
        """
        if not math.isfinite(limit_s) or not 0 < limit_s <= MAX_TIMEOUT_S:
            raise InvalidParameterError(f"timeout_s is {limit_s}, expected above 0 and at most {MAX_TIMEOUT_S:g}.")
        return cls(time.monotonic() + limit_s, limit_s)

    def remaining_s(self) -> float:
        """Return the seconds left; 0 or less when time is up."""
        return self.ends_at_s - time.monotonic()

    def require_s(self) -> float:
        """Return the seconds left.

        Raises:
            DeadlineExceededError: None are.
        """
        remaining_s = self.remaining_s()
        if remaining_s <= 0:
            raise self.exceeded()
        return remaining_s

    def exceeded(self) -> DeadlineExceededError:
        """Return the error that says time is up."""
        return DeadlineExceededError(
            f"No answer within {self.limit_s:g} s, connecting and retries included. "
            "Allow more with timeout_s, or send fewer photographs at once."
        )
