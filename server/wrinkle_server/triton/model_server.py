"""One ``tritonserver`` process: started, seen to answer, watched and stopped without a trace."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Final

import psutil

from wrinkle_core.errors import DeadlineExceededError, ServerFaultError, ServerStartError, WrinkleError
from wrinkle_server.supervision.canary import is_ready, warm_up
from wrinkle_server.supervision.step_watch import StepWatch, load_again
from wrinkle_server.triton.leftovers import new_run_name, remove_leftovers, remove_run
from wrinkle_server.triton.options import ServerOptions, triton_arguments
from wrinkle_server.triton.ports import require_free_ports
from wrinkle_server.triton.tritonserver import find_tritonserver, server_environment

__all__ = ["ModelServer"]

_POLL_S: Final = 0.1
_KILL_MARGIN_S: Final = 5.0
_MAX_REASON_CHARS: Final = 300
_REPAIR_WINDOW_S: Final = 600.0
_LAUNCHER: Final = Path(__file__).resolve().parent / "launch.py"


class ModelServer:
    """Runs Triton on a model repository; a context manager starts it, waits until it answers, and stops it.

    Attributes:
        options: What is served, and where.
        admin_key: Secret that Triton's restricted APIs ask for in the header ``admin-key``; new at every start.
    """

    def __init__(self, options: ServerOptions) -> None:
        self.options = options
        self.admin_key = secrets.token_urlsafe(24)
        self._run_name = new_run_name()
        self._process: subprocess.Popen[bytes] | None = None
        self._launched: threading.Event | None = None
        self._gone = threading.Event()
        self._watch: StepWatch | None = None
        self._repaired_at: list[float] = []

    def __enter__(self) -> ModelServer:
        try:
            self.start()
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def process_id(self) -> int | None:
        """Id of the running ``tritonserver``, or None."""
        return self._process.pid if self._process is not None and not self._gone.is_set() else None

    def start(self) -> None:
        """Start the process; it is not ready when this returns.

        Raises:
            ServerStartError: No tritonserver is here, a port is taken, or the process cannot be started.
        """
        if self._launched is not None:
            raise ServerStartError("This server was started before; make a new ModelServer.")
        installation = find_tritonserver()
        require_free_ports(self.options.host, self.options.ports)
        remove_leftovers()
        scratch = Path(tempfile.gettempdir(), self._run_name)
        scratch.mkdir(mode=0o700)
        arguments = triton_arguments(
            self.options,
            backends=installation.prepare_backends(scratch / "backends"),
            shared_memory_prefix=self._run_name,
            admin_key=self.admin_key,
            gpu=not installation.from_wheel,
        )
        command = [sys.executable, "-I", str(_LAUNCHER), str(os.getpid()), str(installation.binary), *arguments]
        self._launch(command, server_environment(installation))

    def wait_ready(self, timeout_s: float = 180.0) -> None:
        """Return once every ensemble has answered a real photograph.

        Raises:
            ServerStartError: The server stopped, or an ensemble answered with an error.
            DeadlineExceededError: Not ready in time.
        """
        deadline = time.monotonic() + timeout_s
        host, port = self.options.host, self.options.http_port
        while not is_ready(host, port):
            if self._gone.wait(_POLL_S):
                raise ServerStartError(f"tritonserver stopped while loading: {self.last_words()}")
            if time.monotonic() > deadline:
                raise DeadlineExceededError(f"The models were not loaded after {timeout_s:g} s: {self.last_words()}")
        for spec in self.options.segmenters:
            try:
                warm_up(host, port, spec, timeout_s=max(1.0, deadline - time.monotonic()))
            except WrinkleError as error:
                raise ServerStartError(f"{spec.ensemble} failed its first photograph: {error}") from error
        if self.process_id is not None:
            self._watch = StepWatch(self.process_id)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Return True once the process has ended, False after ``timeout_s``."""
        return self._gone.wait(timeout_s)

    def repair(self) -> tuple[str, ...]:
        """Load every model again that has a dead Python step, and return their names; cheap when all is well.

        Raises:
            ServerFaultError: A model cannot be loaded again, or steps die again and again.
        """
        try:
            hurt = self._watch.hurt_models() if self._watch is not None else ()
        except psutil.NoSuchProcess:
            return ()  # the server itself is gone, which wait() tells
        for name in hurt:
            now = time.monotonic()
            self._repaired_at = [moment for moment in self._repaired_at if now - moment < _REPAIR_WINDOW_S] + [now]
            if len(self._repaired_at) > self.options.max_repairs:
                raise ServerFaultError(f"Processes of {name} die again and again; perhaps they lack memory.")
            load_again(self.options, self.admin_key, name)
        return hurt

    def last_words(self) -> str:
        """Return the last error in the log, for the person who started the server."""
        if self.options.log_path is None or not self.options.log_path.is_file():
            return "its messages on standard error say why."
        lines = self.options.log_path.read_text(encoding="utf-8", errors="replace").splitlines()
        errors = [line for line in lines if line.startswith("E")] or lines[-1:] or ["it wrote nothing"]
        return f"{errors[-1][:_MAX_REASON_CHARS]} (all of it is in {self.options.log_path})"

    def stop(self) -> None:
        """Stop the server: requests in flight may finish, then nothing of it remains. Does nothing when it is gone."""
        if self._launched is not None:
            self._launched.wait()
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            if not self._gone.wait(self.options.exit_timeout_s + _KILL_MARGIN_S):
                self._process.kill()
                self._gone.wait()
            _kill_session(self._process.pid)
        remove_run(self._run_name)

    def _launch(self, command: list[str], environment: dict[str, str]) -> None:
        """Start the process from a thread that outlives it: the kernel's death signal follows the parent *thread*."""
        launched = self._launched = threading.Event()
        failures: list[OSError] = []

        def keep() -> None:
            try:
                with _open_log(self.options.log_path) as log:
                    self._process = subprocess.Popen(
                        command,
                        env=environment,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
            except OSError as error:
                failures.append(error)
            launched.set()
            if self._process is not None:
                self._process.wait()
            self._gone.set()

        threading.Thread(target=keep, name="tritonserver-keeper", daemon=True).start()
        launched.wait()
        if failures:
            raise ServerStartError(f"tritonserver could not be started: {failures[0].strerror}.") from failures[0]


def _open_log(path: Path | None) -> IO[bytes]:
    if path is None:
        return os.fdopen(os.dup(sys.stderr.fileno()), "wb")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("wb")


def _kill_session(session_id: int) -> None:
    """Kill what is left of the server's own session: Python steps that did not follow it."""
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == session_id:
                process.kill()
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
