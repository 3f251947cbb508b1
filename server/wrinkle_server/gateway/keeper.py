"""Keeping a gateway up: Envoy is started again when it dies, with a growing wait, and given up when it dies often."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

import structlog

from wrinkle_core.errors import DeadlineExceededError, ServerFaultError, ServerStartError
from wrinkle_server.gateway.process import Gateway
from wrinkle_server.supervision.budget import Budget

__all__ = ["keep_running"]

_log: Final = structlog.get_logger("wrinkle.gateway")
_WATCH_S: Final = 0.2
_FIRST_WAIT_S: Final = 0.1
_LONGEST_WAIT_S: Final = 10.0


def keep_running(
    gateway: Gateway, stop: threading.Event, *, max_restarts: int, on_restart: Callable[[], None] = lambda: None
) -> None:
    """Return once ``stop`` is set; until then start Envoy again whenever it ends.

    Args:
        gateway: Started before; it is not stopped here.
        stop: Set by a signal handler or another thread.
        max_restarts: Restarts allowed in any ten minutes.
        on_restart: Called whenever Envoy is started again.

    Raises:
        ServerFaultError: Envoy dies again and again.
    """
    budget = Budget(max_restarts)
    while not stop.wait(_WATCH_S):
        gateway.tend_logs()
        if gateway.alive:
            continue
        code = gateway.poll()
        if not budget.spend():
            raise ServerFaultError(f"Envoy ends again and again, now with exit code {code}; its log says why.")
        wait_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** (budget.spent - 1))
        _log.error("Envoy ended, starting it again", exit_code=code, wait_s=wait_s)
        if stop.wait(wait_s):
            return
        on_restart()
        try:
            gateway.restart()
        except (ServerStartError, DeadlineExceededError) as error:
            _log.error("Envoy did not start again", error=str(error))
