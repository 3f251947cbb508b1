"""Progress as Triton's own counters tell it: what waits per model, what was finished, and since when nothing moves.

Source: Triton docs/user_guide/metrics.md, ``nv_inference_pending_request_count``, ``nv_inference_request_success``.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Mapping
from typing import Final

__all__ = ["QueueWatch"]

_COUNTER: Final = re.compile(
    r'\nnv_inference_(pending_request_count|request_success|request_failure)\{model="([^"]+)",[^}]*\} (\d+)'
)


class QueueWatch:
    """Follows the counters of one running server; times are of ``time.monotonic``."""

    def __init__(self) -> None:
        now_s = time.monotonic()
        self._started_s = now_s
        self._finished: Counter[str] = Counter()
        self._moved_s: dict[str, float] = {}
        self._succeeded: Counter[str] = Counter()
        self._success_s: dict[str, float] = {}
        self._read_s = now_s
        self.waiting: Mapping[str, int] = {}

    def read(self, metrics_page: str) -> None:
        """Take in one page of Triton's metrics."""
        waiting: Counter[str] = Counter()
        finished: Counter[str] = Counter()
        succeeded: Counter[str] = Counter()
        for kind, model, value in _COUNTER.findall(metrics_page):
            if kind == "pending_request_count":
                waiting[model] += int(value)
                continue
            finished[model] += int(value)
            if kind == "request_success":
                succeeded[model] += int(value)
        now_s = time.monotonic()
        for model in waiting:
            if finished[model] != self._finished[model] or not waiting[model]:
                self._moved_s[model] = now_s
        self._success_s |= {model: now_s for model, count in succeeded.items() if count != self._succeeded[model]}
        self._finished, self._succeeded, self.waiting, self._read_s = finished, succeeded, waiting, now_s

    def idle_s(self, model: str) -> float:
        """Return for how long a model has answered nothing but errors, or nothing at all."""
        return time.monotonic() - self._success_s.get(model, self._started_s)

    def silent_s(self) -> float:
        """Return for how long the server has told nothing."""
        return time.monotonic() - self._read_s

    def stuck_models(self, limit_s: float) -> tuple[str, ...]:
        """Return the models that have requests waiting and have finished none for longer than ``limit_s``."""
        now_s = time.monotonic()
        return tuple(
            model
            for model, count in self.waiting.items()
            if count and now_s - self._moved_s.get(model, self._started_s) > limit_s
        )
