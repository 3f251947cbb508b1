"""Which failed calls are tried again, how often, and how long to wait between.

Only errors marked ``retryable`` are: nothing answers, a model is loading or being repaired, a queue is full. Segmenting
twice does no harm, so a request that was cut off half-way is tried again as well. Waits grow exponentially, with jitter
(stamina); a server that says how long to wait (``Retry-After``) is obeyed.

Two limits, because two things fail. A full queue must not be made fuller, and a server that never answered is probably
not there: a few tries. A server that has answered before is restarted or repaired in seconds: it is given that long.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from wrinkle_client.deadline import Deadline
from wrinkle_client.runtime import Runtime
from wrinkle_core.errors import InvalidParameterError, ModelNotReadyError, ServerUnreachableError, ServingError

__all__ = ["NO_RETRIES", "RetryPolicy", "call_with_retries"]

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How a call is repeated; the call's deadline bounds it all.

    Attributes:
        attempts: Tries in all, the first included, while a queue is full or a server has never answered this client;
            1 turns all retries off.
        recovery_s: How long, from the first failure on, a server that has answered before may be away or a model may
            be loading; tries in that time are bounded by the waits alone.
        wait_initial_s: Wait before the second try; doubles with each further one.
        wait_jitter_s: Random extra wait, at most this.
        wait_max_s: Longest wait, jitter included. Nothing is retried once less than this is left.
    """

    attempts: int = 4
    recovery_s: float = 20.0
    wait_initial_s: float = 0.1
    wait_jitter_s: float = 0.1
    wait_max_s: float = 1.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise InvalidParameterError(f"attempts is {self.attempts}, expected at least 1.")
        if min(self.recovery_s, self.wait_initial_s, self.wait_jitter_s, self.wait_max_s) < 0:
            raise InvalidParameterError("Waits between retries are seconds, expected 0 or more.")


NO_RETRIES = RetryPolicy(attempts=1)


async def call_with_retries(
    call: Callable[[], Awaitable[_Answer]],
    policy: RetryPolicy,
    deadline: Deadline,
    runtime: Runtime,
    *,
    answered_before: bool,
    on_retry: Callable[[ServingError], None],
) -> tuple[_Answer, int]:
    """Return what ``call`` returns and the number of tries it took; the last try's error goes through.

    Args:
        call: One try.
        policy: How often and how patiently.
        deadline: Ends it all.
        runtime: Waits between the tries.
        answered_before: Whether this client has had an answer from the server.
        on_retry: Told of each failure that another try follows.

    Source: stamina.retry_context. Its hooks see neither photographs nor results, so none reach a log.
    """
    import stamina

    judge = _Judge(policy, deadline, answered_before)

    def wait_s(error: Exception) -> bool | float:
        verdict = judge.wait_s(error)
        if verdict is not False and isinstance(error, ServingError):
            on_retry(error)
        return verdict

    context = stamina.retry_context(
        on=wait_s,
        attempts=None,
        timeout=None,
        wait_initial=policy.wait_initial_s,
        wait_jitter=policy.wait_jitter_s,
        wait_max=policy.wait_max_s,
    )
    async for attempt in runtime.attempts(context):
        with attempt:
            return await call(), attempt.num
    raise AssertionError("stamina ends by returning or raising")


class _Judge:
    """Decides after each failure of one call."""

    def __init__(self, policy: RetryPolicy, deadline: Deadline, answered_before: bool) -> None:
        self._policy = policy
        self._deadline = deadline
        self._answered_before = answered_before
        self._tries = 0
        self._recovered_by_s: float | None = None

    def wait_s(self, error: Exception) -> bool | float:
        """Return False for no other try, True for one after the usual wait, or the seconds the server asked for."""
        self._tries += 1
        self._answered_before |= not isinstance(error, ServerUnreachableError)
        if not isinstance(error, ServingError) or not error.retryable or self._policy.attempts == 1:
            return False
        if not self._patient(error) and self._tries >= self._policy.attempts:
            return False
        wait_s = error.retry_after_s
        if self._deadline.remaining_s() <= max(self._policy.wait_max_s, wait_s or 0.0):
            return False
        return True if wait_s is None else wait_s + random.uniform(0.0, self._policy.wait_jitter_s)

    def _patient(self, error: ServingError) -> bool:
        recovers = isinstance(error, ModelNotReadyError) or (
            isinstance(error, ServerUnreachableError) and self._answered_before
        )
        if not recovers:
            return False
        now_s = time.monotonic()
        if self._recovered_by_s is None:
            self._recovered_by_s = now_s + self._policy.recovery_s
        return now_s < self._recovered_by_s
