"""Waiting and computing on an event loop; apart from ``runtime.py``, so that ``Client`` alone loads no asyncio."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from wrinkle_client.deadline import Deadline
from wrinkle_client.failures import closed

__all__ = ["AsyncioRuntime"]

_Made = TypeVar("_Made")
_MAX_COMPUTING_THREADS: Final = 4
_MAX_WAITING_THREADS: Final = 16
_TIMER_SLACK_S: Final = 0.01


class AsyncioRuntime:
    """``Runtime`` of an event loop; computing goes to a few threads of its own, so that the loop stays responsive."""

    def __init__(self) -> None:
        self._threads: dict[bool, ThreadPoolExecutor] = {}  # by whether what they do may wait
        self._closed = False

    async def sleep(self, seconds: float) -> None:
        """Let the loop go on meanwhile."""
        await asyncio.sleep(seconds)

    async def compute(self, function: Callable[[], _Made], deadline: Deadline, *, waits: bool = False) -> _Made:
        """Call ``function`` on a thread of this client."""
        if self._closed:
            raise closed()
        limit_s = deadline.require_s()  # before anything begins whose end nobody would wait for
        if waits not in self._threads:
            threads = _MAX_WAITING_THREADS if waits else min(_MAX_COMPUTING_THREADS, os.cpu_count() or 1)
            self._threads[waits] = ThreadPoolExecutor(threads, thread_name_prefix="wrinkle-client")
        computing = asyncio.get_running_loop().run_in_executor(self._threads[waits], function)
        try:
            return await asyncio.wait_for(computing, limit_s)
        except asyncio.TimeoutError:
            if deadline.remaining_s() > _TIMER_SLACK_S:
                raise  # the function's own
            raise deadline.exceeded() from None

    def close(self) -> None:
        """Let go of the threads; what they have begun goes on to its end."""
        self._closed = True
        for threads in self._threads.values():
            threads.shutdown(wait=False)
