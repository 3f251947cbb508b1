"""Which failed calls are tried again, how often, and how long to wait between.

Only errors marked ``retryable`` are: nothing answers, a model is loading or being repaired, a queue is full. Segmenting
twice does no harm, so a request that was cut off half-way is tried again as well. Waits grow exponentially, with jitter
(tenacity); a server that says how long to wait (``Retry-After``) is obeyed.

Two limits, because two things fail. A full queue must not be made fuller, and a server that never answered is probably
not there: a few tries. A server that has answered before is restarted or repaired in seconds: it is given that long.

Retries are logged at DEBUG. Not stamina, whose hooks, test mode and off switch are the whole process's: a library would
print, count and stop with those of the application.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from wrinkle_client.deadline import Deadline
from wrinkle_client.runtime import Runtime
from wrinkle_core.errors import InvalidParameterError, ModelNotReadyError, ServerUnreachableError, ServingError

if TYPE_CHECKING:
    from tenacity import RetryCallState

__all__ = ["NO_RETRIES", "RetryPolicy", "call_with_retries"]

_Answer = TypeVar("_Answer")
_log = logging.getLogger("wrinkle_client")


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
    """
    from tenacity import AsyncRetrying, retry_if_exception

    judge = _Judge(policy, deadline, answered_before)

    def told(state: RetryCallState) -> None:
        error = judge.failure
        _log.debug("Try %d failed (%s), the next in %.2f s.", judge.tries, error.code, state.upcoming_sleep)
        on_retry(error)

    async def once() -> _Answer:
        return await call()

    retrying = AsyncRetrying(
        sleep=runtime.sleep,
        retry=retry_if_exception(judge.forgives),
        wait=judge.wait_s,
        before_sleep=told,
        reraise=True,
    )
    return await retrying(once), judge.tries + 1


class _Judge:
    """Decides after each failure of one call.

    Attributes:
        tries: Failed ones so far.
        failure: The last of them.
    """

    failure: ServingError

    def __init__(self, policy: RetryPolicy, deadline: Deadline, answered_before: bool) -> None:
        from tenacity import wait_exponential, wait_random

        self.tries = 0
        self._policy = policy
        self._deadline = deadline
        self._answered_before = answered_before
        self._recovered_by_s: float | None = None
        self._backoff = wait_exponential(policy.wait_initial_s) + wait_random(0.0, policy.wait_jitter_s)

    def forgives(self, error: BaseException) -> bool:
        """Return whether another try follows."""
        self.tries += 1
        self._answered_before |= not isinstance(error, ServerUnreachableError)
        if not isinstance(error, ServingError) or not error.retryable or self._policy.attempts == 1:
            return False
        if not self._patient(error) and self.tries >= self._policy.attempts:
            return False
        self.failure = error
        return self._deadline.remaining_s() > max(self._policy.wait_max_s, error.retry_after_s or 0.0)

    def wait_s(self, state: RetryCallState) -> float:
        """Return the seconds to wait: those the server asked for, or the usual ones."""
        asked_s = self.failure.retry_after_s
        if asked_s is not None:
            return asked_s + random.uniform(0.0, self._policy.wait_jitter_s)
        return min(self._backoff(state), self._policy.wait_max_s)

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
