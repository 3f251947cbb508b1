"""The servers' own counters over time, read from their pages and not through Prometheus."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType

from k8s_replica import Counters, Replica

__all__ = ["CounterLog"]

_EVERY_S = 0.25


class CounterLog(AbstractContextManager["CounterLog"]):
    """Reads every replica's page four times a second while the ``with`` lasts."""

    def __init__(self, replicas: Sequence[Replica]) -> None:
        self._replicas = replicas
        self._pages: list[tuple[float, list[Counters]]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> CounterLog:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(30.0)

    def at(self, moment_s: float) -> list[Counters]:
        """Return each replica's counters at a Unix time; before the first reading, those of the first."""
        return min(self._pages, key=lambda page: abs(page[0] - moment_s))[1]

    def _read(self) -> None:
        while not self._ended.wait(_EVERY_S):
            pages = [replica.counters() for replica in self._replicas]
            self._pages.append((time.time(), pages))
