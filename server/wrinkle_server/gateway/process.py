"""One gateway on this machine: Envoy and its authorization step, started, watched, drained and gone without a trace."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Final

from wrinkle_core.errors import DeadlineExceededError, ServerStartError
from wrinkle_server.gateway.admin import EnvoyAdmin
from wrinkle_server.gateway.authorize import AuthorizeServer
from wrinkle_server.gateway.bootstrap import bootstrap, to_yaml
from wrinkle_server.gateway.envoy_binary import find_envoy, validate
from wrinkle_server.gateway.envoy_config import ADMIN_SOCKET, AUTHORIZE_SOCKET
from wrinkle_server.gateway.options import GatewayOptions
from wrinkle_server.triton.child_process import ChildProcess
from wrinkle_server.triton.held_folder import held
from wrinkle_server.triton.leftovers import new_run_name, remove_leftovers, remove_run
from wrinkle_server.triton.log_file import keep_log_short
from wrinkle_server.triton.ports import require_free_ports
from wrinkle_server.triton.unix_http import require_socket_path

__all__ = ["Gateway"]

_POLL_S: Final = 0.05
_START_TIMEOUT_S: Final = 20.0
_KILL_AFTER_S: Final = 5.0
_MAX_WORKERS: Final = 4


class Gateway:
    """Runs Envoy in front of the backends; a context manager starts it, waits until it listens, and stops it.

    Envoy follows this process into death, and is not started again by itself: ``alive`` tells, ``restart`` repairs.

    Attributes:
        options: What the gateway does.
    """

    def __init__(self, options: GatewayOptions, *, log_path: Path | None = None) -> None:
        """Prepare a gateway.

        Args:
            options: What it does.
            log_path: File for Envoy's own log of warnings; None is standard error.
        """
        self.options = options
        self._log_path = log_path
        self._run_name = new_run_name()
        self._scratch = Path(tempfile.gettempdir(), self._run_name)
        self._admin = EnvoyAdmin(self._scratch / ADMIN_SOCKET)
        self._holding = contextlib.ExitStack()
        self._authorize = contextlib.ExitStack()
        self._binary = Path()
        self._envoy = ChildProcess("Envoy")

    def __enter__(self) -> Gateway:
        try:
            self.start()
        except BaseException:
            self.stop(timeout_s=0.0)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def alive(self) -> bool:
        """Whether Envoy runs."""
        return self._envoy.pid is not None

    @property
    def process_id(self) -> int | None:
        """Id of the running Envoy, or None."""
        return self._envoy.pid

    @property
    def healthy_backends(self) -> int:
        """How many backends are ready in the gateway's eyes; 0 when Envoy does not run."""
        return self._admin.healthy_backends() if self.alive else 0

    def start(self) -> None:
        """Start everything and return once the port is open; whether a backend is ready is another matter.

        Raises:
            ServerStartError: Envoy is not here, refuses the configuration, or the port is taken.
            ArtifactError: The token file cannot be used.
            DeadlineExceededError: Envoy does not listen in time.
        """
        if self._scratch.exists():
            raise ServerStartError("This gateway was started before; make a new Gateway.")
        self._binary = find_envoy()
        for door in self.options.doors:
            require_free_ports(door.host, {"--port": door.port})
        remove_leftovers()
        self._scratch.mkdir(mode=0o700)
        self._holding.enter_context(held(self._scratch))
        require_socket_path(self._scratch / AUTHORIZE_SOCKET)
        config = self._config_path
        config.touch(mode=0o600)
        config.write_text(to_yaml(bootstrap(self.options, self._scratch)), encoding="utf-8")
        validate(self._binary, config)
        if self.options.token_file is not None:
            self._authorize.enter_context(AuthorizeServer(self.options.token_file, self._scratch / AUTHORIZE_SOCKET))
        self._launch()

    def restart(self) -> None:
        """Start Envoy again, with the same options; whatever is left of the old one is killed.

        Raises:
            ServerStartError: The gateway is stopped, or Envoy cannot be started.
            DeadlineExceededError: Envoy does not listen in time.
        """
        if not self._scratch.exists():
            raise ServerStartError("This gateway is stopped; make a new Gateway.")
        self._end()
        self._launch()

    def tend_logs(self) -> None:
        """Cut logs that are long; to be called again and again."""
        for path in (self.options.access_log, self._log_path):
            if path is not None:
                keep_log_short(path, self.options.max_log_bytes)

    def poll(self) -> int | None:
        """Return Envoy's exit code once it has ended, else None."""
        return self._envoy.exit_code

    def wait(self, timeout_s: float | None = None) -> bool:
        """Return True once Envoy has ended, False after ``timeout_s``."""
        return self._envoy.gone.wait(timeout_s)

    def stop(self, timeout_s: float = 30.0, *, drain_delay_s: float = 0.0) -> None:
        """Take no new connections, let requests in flight finish, then end; does nothing when it is gone.

        Args:
            timeout_s: How long requests in flight may take; what then still runs is cut off.
            drain_delay_s: How long to serve on before, after saying that it is not ready, so that balancers notice.
        """
        if self.alive:
            if drain_delay_s > 0:
                self._admin.call_unready()
                self._envoy.gone.wait(drain_delay_s)
            deadline = time.monotonic() + timeout_s
            if timeout_s > 0:
                self._admin.stop_listening()
            while self.alive and time.monotonic() < deadline and self._admin.requests_in_flight() > 0:
                self._envoy.gone.wait(_POLL_S)
            self._end()
        self._authorize.close()
        self._holding.close()
        remove_run(self._run_name)

    def kill(self) -> None:
        """Kill Envoy now, cutting what is in flight; safe in a signal handler, and a ``stop`` under way ends."""
        self._envoy.kill()

    @property
    def _config_path(self) -> Path:
        return self._scratch / "envoy.yaml"

    def _launch(self) -> None:
        self._envoy = ChildProcess("Envoy")
        self._envoy.start([str(self._binary), *self._arguments()])
        self._wait_until_it_listens()

    def _arguments(self) -> list[str]:
        workers = self.options.workers or min(_MAX_WORKERS, len(os.sched_getaffinity(0)))
        log = () if self._log_path is None else ("--log-path", str(self._log_path))
        return [
            "--config-path",
            str(self._config_path),
            "--concurrency",
            str(workers),
            "--file-flush-interval-msec",
            "1000",
            "--drain-strategy",
            "immediate",
            "--drain-time-s",
            "1",
            "--disable-hot-restart",  # its shared memory would allow one Envoy per machine only
            "--log-level",
            "warning",
            "--component-log-level",
            "main:error",  # its warnings are that it was told to stop
            *log,
        ]

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._admin.is_live():
            if self._envoy.gone.wait(_POLL_S):
                raise ServerStartError(f"Envoy ended while starting (exit code {self.poll()}); its log says why.")
            if time.monotonic() > deadline:
                raise DeadlineExceededError(f"Envoy did not listen after {_START_TIMEOUT_S:g} s; its log says why.")

    def _end(self) -> None:
        """End Envoy: SIGTERM ends it at once, SIGKILL if it does not follow."""
        self._envoy.ask_to_end()
        if not self._envoy.gone.wait(_KILL_AFTER_S if self.alive else 0.0):
            self._envoy.kill()
            self._envoy.gone.wait(_KILL_AFTER_S)
