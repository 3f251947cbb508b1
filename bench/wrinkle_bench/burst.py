"""Several callers at once, each asking again as soon as it is answered, until a number of answers has come."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median

__all__ = ["Burst", "burst"]


@dataclass(frozen=True, slots=True)
class Burst:
    """What one burst saw.

    Attributes:
        seconds: From the first request to the last answer.
        latencies_ms: Of each answer, in the order they came.
    """

    seconds: float
    latencies_ms: tuple[float, ...]

    @property
    def throughput_hz(self) -> float:
        """Return answers per second."""
        return len(self.latencies_ms) / self.seconds

    @property
    def p50_ms(self) -> float:
        """Return the median latency."""
        return median(self.latencies_ms)


def burst(ask: Callable[[], object], *, concurrency: int, requests: int) -> Burst:
    """Run one burst; the first error that ``ask`` raises ends it and is raised here.

    Args:
        ask: One request, safe to call from several threads at once.
        concurrency: Callers.
        requests: Answers in all; a multiple of ``concurrency`` keeps every caller busy to the end.
    """
    numbers, latencies_ms, failed = itertools.count(), [], threading.Event()

    def caller() -> None:
        while next(numbers) < requests and not failed.is_set():
            asked_s = time.perf_counter()
            try:
                ask()
            except BaseException:
                failed.set()
                raise
            latencies_ms.append((time.perf_counter() - asked_s) * 1e3)

    began_s = time.perf_counter()
    with ThreadPoolExecutor(concurrency) as callers:
        for done in [callers.submit(caller) for _ in range(concurrency)]:
            done.result()
    return Burst(time.perf_counter() - began_s, tuple(latencies_ms))
