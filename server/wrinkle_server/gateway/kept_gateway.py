"""A gateway that is kept up on a thread of its own, beside a server that its process keeps up meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final

from wrinkle_core.errors import DeadlineExceededError, WrinkleError
from wrinkle_server.gateway.keeper import keep_running
from wrinkle_server.gateway.options import GatewayOptions
from wrinkle_server.gateway.process import Gateway

__all__ = ["KeptGateway"]

_JOIN_LIMIT_S: Final = 30.0
_READY_LIMIT_S: Final = 10.0
_POLL_S: Final = 0.02


class KeptGateway:
    """Runs a gateway between enter and exit and starts Envoy again when it ends.

    Args:
        options: What the gateway does.
        max_restarts: Restarts of Envoy in any ten minutes before it is given up.
        exit_timeout_s: How long requests in flight may take when it stops.
        drain_delay_s: How long to serve on at the end, after saying that it is not ready.
        on_failure: Called from another thread when it is given up; ``check`` then says why.
        on_restart: Called from another thread whenever Envoy is started again.
    """

    def __init__(
        self,
        options: GatewayOptions,
        *,
        max_restarts: int,
        on_failure: Callable[[], None],
        on_restart: Callable[[], None],
        exit_timeout_s: float,
        drain_delay_s: float = 0.0,
    ) -> None:
        self._gateway = Gateway(options)
        self._max_restarts = max_restarts
        self._exit_timeout_s = exit_timeout_s
        self._drain_delay_s = drain_delay_s
        self._on_failure = on_failure
        self._on_restart = on_restart
        self._ended = threading.Event()
        self._failure: WrinkleError | None = None
        self._thread = threading.Thread(target=self._keep, name="gateway-keeper", daemon=True)

    def __enter__(self) -> KeptGateway:
        """Start the gateway; its errors are those of ``Gateway.start``."""
        self._gateway.__enter__()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Serve on for the delay, let requests in flight finish, and end; does nothing when it has ended."""
        self._ended.set()
        self._thread.join(_JOIN_LIMIT_S)
        self._gateway.stop(self._exit_timeout_s, drain_delay_s=self._drain_delay_s)

    def wait_ready(self) -> None:
        """Return once the server behind is ready in the gateway's eyes.

        Raises:
            DeadlineExceededError: It is not, ten seconds after its supervisor said that it was.
        """
        deadline = time.monotonic() + _READY_LIMIT_S
        while not self._gateway.healthy_backends:
            if self._ended.wait(_POLL_S) or time.monotonic() > deadline:
                raise DeadlineExceededError(
                    f"The gateway saw no ready server within {_READY_LIMIT_S:g} s; its log says why."
                )

    def kill(self) -> None:
        """Cut off what is in flight; safe in a signal handler."""
        self._gateway.kill()

    def check(self) -> None:
        """Return when all is well.

        Raises:
            ServerFaultError: Envoy was given up.
        """
        if self._failure is not None:
            raise self._failure

    def _keep(self) -> None:
        try:
            keep_running(self._gateway, self._ended, max_restarts=self._max_restarts, on_restart=self._on_restart)
        except WrinkleError as error:
            self._failure = error
            self._on_failure()
