"""What waits and computes: the calling thread, or an event loop (``asyncio_runtime.py``); a call's logic is the same.

``run_now`` runs a coroutine whose every wait blocks the thread instead of suspending: that is how ``Client`` uses the
coroutines that ``AsyncClient`` awaits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

from wrinkle_client.deadline import Deadline
from wrinkle_core.errors import ServingError

__all__ = ["BlockingRuntime", "Runtime", "run_now"]

_Made = TypeVar("_Made")


class Runtime(Protocol):
    """Waiting and computing for one client."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""

    async def compute(self, function: Callable[[], _Made], deadline: Deadline, *, waits: bool = False) -> _Made:
        """Return what ``function``, which takes the processor or reads a file, returns.

        Args:
            function: What to do.
            deadline: Of the call.
            waits: Whether it may wait for others, such as a server that sends a photograph; it then keeps nobody else
                from computing.

        Raises:
            DeadlineExceededError: It was not done in time, where it runs beside the caller.
        """

    def close(self) -> None:
        """Let go of threads; functions that run go on to their end."""


def run_now(coroutine: Coroutine[Any, Any, _Made]) -> _Made:
    """Run a coroutine that never suspends, and return what it returns.

    Raises:
        ServingError: It suspended: a transport for event loops was given to ``Client``.
    """
    try:
        coroutine.send(None)
    except StopIteration as ended:
        made: _Made = ended.value
        return made
    coroutine.close()
    raise ServingError("This transport waits on an event loop; use it with AsyncClient.")


class BlockingRuntime:
    """``Runtime`` of the calling thread."""

    async def sleep(self, seconds: float) -> None:
        """Block the thread."""
        time.sleep(seconds)

    async def compute(self, function: Callable[[], _Made], deadline: Deadline, *, waits: bool = False) -> _Made:
        """Call ``function`` here."""
        return function()

    def close(self) -> None:
        """Hold nothing."""
