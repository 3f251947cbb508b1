"""One ``tritonserver`` process: started, seen to answer, watched and stopped without a trace."""

from __future__ import annotations

import os
import re
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Final

from wrinkle_core.errors import DeadlineExceededError, ServerStartError, WrinkleError
from wrinkle_server.steps.run_folder import RUN_FOLDER_VARIABLE
from wrinkle_server.supervision.canary import Canary
from wrinkle_server.triton.admin_api import AdminApi
from wrinkle_server.triton.child_process import ChildProcess
from wrinkle_server.triton.held_folder import held
from wrinkle_server.triton.idle_steps import IdleSteps
from wrinkle_server.triton.leftovers import new_run_name, remove_leftovers, remove_run
from wrinkle_server.triton.log_file import begin_log, keep_log_short, last_lines
from wrinkle_server.triton.options import ServerOptions, triton_arguments
from wrinkle_server.triton.ports import require_free_ports
from wrinkle_server.triton.tritonserver import find_tritonserver, server_environment
from wrinkle_server.triton.unix_http import require_socket_path

__all__ = ["ModelServer"]

_POLL_S: Final = 0.1
_KILL_MARGIN_S: Final = 5.0
_DONE_AFTER_IDLE_S: Final = 5.0
_MAX_REASON_CHARS: Final = 300
_NO_GPU: Final = re.compile("CUDA driver version is insufficient|CudaDriverHelper|pinned system memory")


class ModelServer:
    """Runs Triton on a model repository; a context manager starts it, waits until it answers, and stops it.

    Attributes:
        options: What is served, and where.
        admin: Triton's own interface, with the secret that its restricted part asks for.
        run_folder: Where the server's steps and who watches them see each other; private to this user.
    """

    def __init__(self, options: ServerOptions, *, successor_of: ModelServer | None = None) -> None:
        """Set up; nothing runs yet.

        Args:
            options: What is served, and where.
            successor_of: A stopped server whose place this one takes: it adds to its log and keeps its secret.
        """
        self.options = options
        self._keep_log = successor_of is not None
        key = secrets.token_urlsafe(24) if successor_of is None else successor_of.admin.admin_key
        self.admin: AdminApi = AdminApi(
            options.host, options.http_port, options.grpc_port, options.metrics_port, key, options.http_socket
        )
        self._run_name = new_run_name()
        self.run_folder = Path(tempfile.gettempdir(), self._run_name)
        self._holding = ExitStack()
        self._process = ChildProcess("tritonserver")
        self._started = False

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
        return self._process.pid

    def start(self) -> None:
        """Start the process; it is not ready when this returns.

        Raises:
            ServerStartError: No tritonserver is here, a port is taken, or the process cannot be started.
        """
        if self._started:
            raise ServerStartError("This server was started before; make a new ModelServer.")
        installation = find_tritonserver()
        require_free_ports(self.options.host, self.options.ports)
        if self.options.http_socket is not None:
            require_socket_path(self.options.http_socket)
            self.options.http_socket.unlink(missing_ok=True)  # of a server before this one
        remove_leftovers()
        self.run_folder.mkdir(mode=0o700)
        self._holding.enter_context(held(self.run_folder))
        arguments = triton_arguments(
            self.options,
            backends=installation.prepare_backends(self.run_folder / "backends"),
            shared_memory_prefix=self._run_name,
            admin_key=self.admin.admin_key,
            gpu=not installation.from_wheel,
        )
        self._started = True
        self._process.start(
            [str(installation.binary), *arguments],
            server_environment(installation) | {RUN_FOLDER_VARIABLE: str(self.run_folder)},
            lambda: _open_output(self.options.log_path, keep=self._keep_log),
        )

    def wait_ready(
        self,
        timeout_s: float = 180.0,
        *,
        canaries: Sequence[Canary] | None = None,
        on_wait: Callable[[], None] | None = None,
    ) -> None:
        """Return once every ensemble has answered its canary.

        Args:
            timeout_s: Longest wait.
            canaries: What to ask; by default a new canary per ensemble.
            on_wait: Called again and again meanwhile.

        Raises:
            ServerStartError: The server stopped, or an ensemble answered with an error.
            DeadlineExceededError: Not ready in time.
        """
        deadline = time.monotonic() + timeout_s
        while not self.admin.ready():
            if on_wait is not None:
                on_wait()
            if self._process.gone.wait(_POLL_S):
                raise ServerStartError(f"tritonserver stopped while loading: {self.last_words()}")
            if time.monotonic() > deadline:
                raise DeadlineExceededError(f"The models were not loaded after {timeout_s:g} s: {self.last_words()}")
        for canary in canaries or [Canary(spec) for spec in self.options.segmenters]:
            try:
                canary.check(self.admin, max(1.0, deadline - time.monotonic()))
            except WrinkleError as error:
                raise ServerStartError(f"{canary.ensemble} failed its first photograph: {error}") from error

    def wait(self, timeout_s: float | None = None) -> bool:
        """Return True once the process has ended, False after ``timeout_s``."""
        return self._process.gone.wait(timeout_s)

    def last_words(self) -> str:
        """Return the last error in the log, for the person who started the server."""
        if self.options.log_path is None or not self.options.log_path.is_file():
            return "its messages on standard error say why."
        lines = [line for line in last_lines(self.options.log_path) if not _NO_GPU.search(line)]
        errors = [line for line in lines if line.startswith("E")] or lines[-1:] or ["it wrote nothing"]
        return f"{errors[-1][:_MAX_REASON_CHARS]} (all of it is in {self.options.log_path})"

    def tend_log(self) -> None:
        """Cut the log when it is long; to be called again and again."""
        if self.options.log_path is not None:
            keep_log_short(self.options.log_path, self.options.max_log_bytes)

    def stop(self, on_wait: Callable[[], None] = lambda: None) -> None:
        """Stop the server: requests in flight may finish, then nothing of it remains. Does nothing when it is gone.

        Args:
            on_wait: Called again and again meanwhile.
        """
        self._process.ask_to_end()
        if self._process.pid is not None and not self._ends_by_itself(on_wait):
            self._process.kill()
            self._process.gone.wait()
        self._process.kill_session()
        self._holding.close()
        remove_run(self._run_name)

    def _ends_by_itself(self, on_wait: Callable[[], None]) -> bool:
        """Return whether a server told to stop is gone in time.

        Triton answers what is in flight, takes nothing new, and then waits out its exit timeout while anybody keeps a
        connection open. So it counts as done once its steps have had nothing to do for a while.
        """
        deadline = time.monotonic() + self.options.exit_timeout_s + _KILL_MARGIN_S
        steps = IdleSteps(self.run_folder)
        while not self._process.gone.wait(_POLL_S):
            on_wait()
            if time.monotonic() > deadline or steps.idle_s() > _DONE_AFTER_IDLE_S:
                return False
        return True

    def kill(self) -> None:
        """End the process at once; ``stop`` still has to remove what remains."""
        self._process.kill()


def _open_output(log_path: Path | None, *, keep: bool) -> IO[bytes]:
    if log_path is None:
        return os.fdopen(os.dup(sys.stderr.fileno()), "wb")
    return begin_log(log_path, keep=keep)
