"""Cores, or a GPU, shared by the calls that run at the same time, as an operating system shares them.

Every running call asks for a share. While the shares fit, each call runs as fast as it did alone; when they do not, all
are slowed by the same factor. One virtual clock says it all: it runs at ``min(1, capacity / shares)``, and a call that
took ``s`` seconds alone ends when that clock has run ``s`` seconds.

Source: Kleinrock, Time-shared systems: a theoretical treatment, 1967 (egalitarian processor sharing).
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import Final

import simpy

__all__ = ["SharedProcessor"]

_ROUNDING_S: Final = 1e-12


class SharedProcessor:
    """A processor of ``capacity`` cores or GPUs."""

    def __init__(self, environment: simpy.Environment, capacity: float) -> None:
        self._environment = environment
        self._capacity = capacity
        self._clock_s = 0.0
        self._settled_s = environment.now
        self._shares = 0.0
        self._running: list[tuple[float, int, float, Callable[[], None]]] = []
        self._order = itertools.count()
        self._wake_s = float("inf")

    def run(self, seconds: float, share: float, on_done: Callable[[], None]) -> None:
        """Run a call, and call ``on_done`` at its end.

        Args:
            seconds: How long it takes with nothing else running.
            share: Cores or GPUs that it keeps busy; more than there are count as all.
            on_done: Called once, from the event loop.
        """
        self._settle()
        share = min(share, self._capacity)
        heapq.heappush(self._running, (self._clock_s + seconds, next(self._order), share, on_done))
        self._shares += share
        self._watch()

    def _settle(self) -> None:
        """Bring the clock up to now."""
        now_s = self._environment.now
        passed_s = now_s - self._settled_s
        if passed_s > 0.0:
            self._clock_s += passed_s * self._speed()
            self._settled_s = now_s

    def _speed(self) -> float:
        return 1.0 if self._shares <= self._capacity else self._capacity / self._shares

    def _watch(self) -> None:
        """See to it that somebody looks when the next call ends; one who looks too early looks again."""
        if not self._running:
            return
        wait_s = max(0.0, (self._running[0][0] - self._clock_s) / self._speed())
        wake_s = self._environment.now + wait_s
        if wake_s < self._wake_s - _ROUNDING_S:
            self._wake_s = wake_s
            self._environment.timeout(wait_s, wake_s).callbacks.append(self._woken)

    def _woken(self, event: simpy.Event) -> None:
        if event.value != self._wake_s:
            return  # an earlier end was scheduled since, and has been seen to
        self._wake_s = float("inf")
        self._settle()
        done = []
        while self._running and self._running[0][0] <= self._clock_s + _ROUNDING_S:
            _, _, share, on_done = heapq.heappop(self._running)
            self._shares -= share
            done.append(on_done)
        if not self._running:
            self._shares = 0.0  # no drift from adding and taking away
        self._watch()
        for on_done in done:
            on_done()
