"""Reads Triton's counters as often as they may have changed, for the watch over its queues and what the steps refuse.

A page of metrics costs some half a millisecond of processor time on either side. Queues hardly change while no step
takes or ends a request, and the steps' activity tells that for nothing: so a page is read within a twentieth of a
second of a step's moving, and every quarter of a second whatever the steps do.
"""

from __future__ import annotations

import threading
import time
from typing import Final

from wrinkle_core.errors import ServerUnreachableError
from wrinkle_server.steps.activity import ActivityPulse
from wrinkle_server.steps.pressure import EXECUTED_MODELS, PressureBoard
from wrinkle_server.supervision.queue_watch import QueueWatch
from wrinkle_server.triton.metrics_page import MetricsPage
from wrinkle_server.triton.model_server import ModelServer

__all__ = ["CounterReader"]

_LOOK_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 0.25
_STOP_LIMIT_S: Final = 10.0


class CounterReader:
    """Between ``start`` and ``close``, keeps ``queues`` and the server's pressure board up to date."""

    def __init__(self, server: ModelServer) -> None:
        self.queues = QueueWatch()
        self._page = MetricsPage(server.admin.host, server.admin.metrics_port)
        self._pulse = ActivityPulse(server.run_folder)
        self._board = PressureBoard(server.run_folder)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="counter-reader", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def close(self) -> None:
        """Read no more."""
        self._ended.set()
        self._thread.join(_STOP_LIMIT_S)

    def _follow(self) -> None:
        due_s = 0.0
        while not self._ended.wait(_LOOK_S):
            now_s = time.monotonic()
            if now_s >= due_s:
                self._pulse.find_steps()
            if self._pulse.moved() or now_s >= due_s:
                due_s = now_s + _LONGEST_PAUSE_S
                self._read()
        self._page.close()

    def _read(self) -> None:
        read_ns = time.monotonic_ns()
        try:
            page = self._page.read()
        except ServerUnreachableError:
            return  # the supervisor sees for itself that the server is gone
        self.queues.read(page)
        waiting = {name: count for name, count in self.queues.waiting.items() if name in EXECUTED_MODELS}
        self._board.publish(waiting, read_ns=read_ns)
