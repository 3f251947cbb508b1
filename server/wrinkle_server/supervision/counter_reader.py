"""Reads Triton's counters twenty times a second: for the watch over its queues and for what the steps refuse.

Source: a page of metrics costs Triton 2.51 half a millisecond.
"""

from __future__ import annotations

import threading
import time
from typing import Final

from wrinkle_core.errors import ServerUnreachableError
from wrinkle_server.steps.pressure import EXECUTED_MODELS, PressureBoard
from wrinkle_server.supervision.queue_watch import QueueWatch
from wrinkle_server.triton.model_server import ModelServer

__all__ = ["CounterReader"]

_PERIOD_S: Final = 0.05
_STOP_LIMIT_S: Final = 10.0


class CounterReader:
    """Between ``start`` and ``close``, keeps ``queues`` and the server's pressure board up to date."""

    def __init__(self, server: ModelServer) -> None:
        self.queues = QueueWatch()
        self._admin = server.admin
        self._board = PressureBoard(server.run_folder)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read, name="counter-reader", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def close(self) -> None:
        """Read no more."""
        self._ended.set()
        self._thread.join(_STOP_LIMIT_S)

    def _read(self) -> None:
        while not self._ended.wait(_PERIOD_S):
            read_ns = time.monotonic_ns()
            try:
                page = self._admin.metrics()
            except ServerUnreachableError:
                continue  # the supervisor sees for itself that the server is gone
            self.queues.read(page)
            waiting = {name: count for name, count in self.queues.waiting.items() if name in EXECUTED_MODELS}
            self._board.publish(waiting, read_ns=read_ns)
