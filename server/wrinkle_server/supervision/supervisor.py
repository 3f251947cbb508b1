"""Keeps one server serving: sees what is sick, repairs it, and gives up loudly when that does not help.

The ladder: a Python step that is dead, stopped or hung, a queue that does not move or a canary that fails → the model
is loaded anew; that does not help, or happens too often → the server is started anew, with growing waits; that happens
too often → ``ServerFaultError``, and the process ends with an error, so that whoever runs it learns of it.
"""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from types import TracebackType
from typing import Final

import psutil
import structlog

from wrinkle_core.errors import DeadlineExceededError, ServerFaultError, ServerStartError, WrinkleError
from wrinkle_server.supervision.budget import Budget
from wrinkle_server.supervision.canary_watch import CanaryWatch
from wrinkle_server.supervision.health import Health
from wrinkle_server.supervision.health_endpoint import HealthEndpoint
from wrinkle_server.supervision.options import SupervisionOptions
from wrinkle_server.supervision.watched_server import WatchedServer
from wrinkle_server.triton.model_server import ModelServer
from wrinkle_server.triton.options import ServerOptions

__all__ = ["Supervisor"]

_LOOK_S: Final = 0.25
_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 30.0
_CANARY_PAUSE_S: Final = 0.2

_log: Final = structlog.get_logger("wrinkle.supervisor")


class Supervisor:
    """Starts a server, keeps it serving until ``stop``, and ends it.

    A context manager starts it, waits until it answers, and stops it; ``run`` watches it meanwhile.

    Attributes:
        health: Heartbeat, readiness and metrics, also served over HTTP.
    """

    def __init__(self, options: ServerOptions, supervision: SupervisionOptions) -> None:
        self.health = Health()
        self._options = options
        self._supervision = supervision
        self._endpoint = HealthEndpoint(self.health, supervision.health_host, supervision.health_port)
        self._canaries = CanaryWatch(
            options.segmenters,
            self.health.instruments,
            idle_s=supervision.canary_idle_s,
            timeout_s=supervision.canary_timeout_s,
        )
        self._repairs = Budget(supervision.max_repairs)
        self._restarts = Budget(supervision.max_restarts)
        self._asked_to_stop = threading.Event()
        self._held = ExitStack()
        self._watched: WatchedServer | None = None
        self._server: ModelServer | None = None

    def __enter__(self) -> Supervisor:
        try:
            self._held.enter_context(self._endpoint)
            self._start_server()
        except BaseException:
            self._close()
            raise
        self.health.set_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._drain()
        self._close()

    @property
    def server(self) -> ModelServer:
        """The server of this moment; a restart makes a new one.

        Raises:
            ServerFaultError: There is none.
        """
        if self._server is None:
            raise ServerFaultError("No server runs.")
        return self._server

    def run(self) -> None:
        """Watch and repair until ``stop`` is called.

        Raises:
            ServerFaultError: Repairs do not help.
        """
        while not self._asked_to_stop.wait(_LOOK_S):
            self.health.beat()
            self._look()
            self.server.tend_log()

    def stop(self) -> None:
        """Make ``run`` return; safe to call from another thread."""
        self._asked_to_stop.set()

    def kill(self) -> None:
        """Stop waiting for requests in flight: end the server at once. Safe to call from a signal handler."""
        self._asked_to_stop.set()
        if self._server is not None:
            self._server.kill()

    def _look(self) -> None:
        if self.server.wait(0):
            self._restart("ended")
            return
        watched = self._watched_server()
        try:
            ailments = watched.ailments()
            resident = watched.resident_bytes()
        except psutil.NoSuchProcess:
            return  # the server is going; the next look sees it gone
        self.health.instruments.resident.set(sum(resident.values()))
        if watched.silent_s() > self._supervision.step_limit_s:
            self._restart("silent")
        elif ailments:
            self._repair(ailments)
        elif 0 < self._supervision.max_memory_bytes < sum(resident.values()):
            self._relieve(watched, resident)
        elif (reason := self._canaries.failed(self.server.admin, watched.idle_s)) is not None:
            self._repair(dict.fromkeys(watched.python_models(), "canary"), reason)

    def _repair(self, ailments: dict[str, str], detail: str = "") -> None:
        """Load models anew and prove that the ensembles serve; start the server anew when they do not."""
        self.health.set_not_ready(*(f"{model}: {ailment}" for model, ailment in ailments.items()))
        self._canaries.forget()
        watched = self._watched_server()
        if watched.retained_steps() > self._supervision.max_retained_steps:
            self._restart("dead steps kept")
            return
        if not self._repairs.spend():
            self._restart("repairs used up")
            return
        began_s = time.monotonic()
        try:
            self._reload(watched, ailments, detail)
            failed = self._prove(watched)
        except (psutil.NoSuchProcess, WrinkleError) as error:
            failed = str(error)
        if failed is not None:
            _log.error("loading anew did not help", error=failed)
            self._restart("repair failed")
            return
        _log.info("serving again", seconds=round(time.monotonic() - began_s, 2))
        self.health.set_ready()

    def _reload(self, watched: WatchedServer, ailments: dict[str, str], detail: str = "") -> None:
        for model, ailment in ailments.items():
            self.health.instruments.repairs.labels(model, ailment).inc()
            _log.warning("loading model anew", model=model, reason=ailment, detail=detail)
            watched.reload(model)
            self.health.beat()

    def _relieve(self, watched: WatchedServer, resident: dict[int, int]) -> None:
        """Load the model with the largest step anew, or start the server anew when it is the one that grew."""
        largest = max(resident, key=lambda process_id: resident[process_id])
        model = watched.model_of(largest)
        _log.warning("over the memory ceiling", resident_bytes=sum(resident.values()), largest=model or "tritonserver")
        if model is None:
            self._restart("memory")
        else:
            self._repair({model: "memory"})

    def _prove(self, watched: WatchedServer) -> str | None:
        """Return why an ensemble does not serve; what falls sick meanwhile is loaded anew as well.

        Raises:
            psutil.NoSuchProcess: The server is gone.
            WrinkleError: It does not load a model.
        """
        deadline = time.monotonic() + self._supervision.canary_timeout_s
        while (reason := self._canaries.sick(self.server.admin)) is not None:
            if time.monotonic() > deadline or self._asked_to_stop.wait(_CANARY_PAUSE_S):
                return reason
            self._reload(watched, watched.ailments())
        return None

    def _restart(self, reason: str) -> None:
        """Start the server anew, with growing waits between tries.

        Raises:
            ServerFaultError: It was started anew too often.
        """
        self.health.set_not_ready(f"server: {reason}")
        self._canaries.forget()
        while not self._asked_to_stop.is_set():
            words = self.server.last_words()
            wait_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**self._restarts.spent)
            if not self._restarts.spend():
                raise ServerFaultError(f"tritonserver was started anew too often, at last because: {reason}. {words}")
            self.health.instruments.restarts.labels(reason).inc()
            _log.error("starting server anew", reason=reason, wait_s=wait_s, last_words=words)
            self._end_server()
            if self._asked_to_stop.wait(wait_s):
                return
            try:
                self._start_server()
            except (ServerStartError, DeadlineExceededError, psutil.NoSuchProcess) as error:
                _log.error("server did not start", error=str(error))
                reason = "start failed"
                continue
            self.health.set_ready()
            return

    def _start_server(self) -> None:
        self._server = server = ModelServer(self._options, successor_of=self._server)
        server.start()
        server.wait_ready(canaries=self._canaries.canaries, on_wait=self.health.beat)
        self._watched = WatchedServer(server, self._supervision.step_limit_s)

    def _end_server(self) -> None:
        if self._watched is not None:
            self._watched.close()
            self._watched = None
        if self._server is not None:
            self._server.stop(self.health.beat)

    def _drain(self) -> None:
        self.health.set_not_ready("stopping")
        if self._server is not None and not self._server.wait(0):
            _log.info("stopping", drain_delay_s=self._supervision.drain_delay_s)
            ends_s = time.monotonic() + self._supervision.drain_delay_s
            while (left_s := ends_s - time.monotonic()) > 0 and not self._server.wait(min(_LOOK_S, left_s)):
                self.health.beat()

    def _close(self) -> None:
        try:
            self._end_server()
        finally:
            self._held.close()

    def _watched_server(self) -> WatchedServer:
        if self._watched is None:
            raise ServerFaultError("No server is watched.")
        return self._watched
