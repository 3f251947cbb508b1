"""Which failed calls are tried again, how often, and how long to wait between.

Only errors marked ``retryable`` are: nothing answers, a model is still loading, a queue is full. Segmenting twice does
no harm, so a request that was cut off half-way is tried again as well. Waits grow exponentially, with jitter (stamina).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from wrinkle_client.deadline import Deadline
from wrinkle_core.errors import InvalidParameterError, WrinkleError

__all__ = ["NO_RETRIES", "RetryPolicy", "call_with_retries"]

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How a call is repeated; the call's deadline bounds it all.

    Attributes:
        attempts: Tries in all, the first included; 1 turns retries off.
        wait_initial_s: Wait before the second try; doubles with each further one.
        wait_jitter_s: Random extra wait, at most this.
        wait_max_s: Longest wait, jitter included. Nothing is retried once less than this is left.
    """

    attempts: int = 4
    wait_initial_s: float = 0.1
    wait_jitter_s: float = 0.1
    wait_max_s: float = 1.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise InvalidParameterError(f"attempts is {self.attempts}, expected at least 1.")
        if min(self.wait_initial_s, self.wait_jitter_s, self.wait_max_s) < 0:
            raise InvalidParameterError("Waits between retries are seconds, expected 0 or more.")

    def allows(self, error: Exception, deadline: Deadline) -> bool:
        """Return whether ``error`` is worth another try before ``deadline``."""
        return isinstance(error, WrinkleError) and error.retryable and deadline.remaining_s() > self.wait_max_s


NO_RETRIES = RetryPolicy(attempts=1)


def call_with_retries(call: Callable[[], _Answer], policy: RetryPolicy, deadline: Deadline) -> tuple[_Answer, int]:
    """Return what ``call`` returns and the number of tries it took; the last try's error goes through.

    Source: stamina.retry_context. Its hooks see neither photographs nor results, so none reach a log.
    """
    import stamina

    attempts = stamina.retry_context(
        on=lambda error: policy.allows(error, deadline),
        attempts=policy.attempts,
        timeout=None,
        wait_initial=policy.wait_initial_s,
        wait_jitter=policy.wait_jitter_s,
        wait_max=policy.wait_max_s,
    )
    for attempt in attempts:
        with attempt:
            return call(), attempt.num
    raise AssertionError("stamina ends by returning or raising")
