"""One TorchServe: started, seen to answer, and stopped with all its workers."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Final

from wrinkle_core.errors import DeadlineExceededError, ServerStartError, ServerUnreachableError
from wrinkle_handlers.server.configuration import RunFiles, write_configuration
from wrinkle_handlers.server.installation import TorchServeInstallation, find_torchserve, worker_environment
from wrinkle_handlers.server.keys import Keys, read_keys
from wrinkle_handlers.server.management import Management
from wrinkle_handlers.server.options import TorchServeOptions
from wrinkle_server.triton.child_process import ChildProcess
from wrinkle_server.triton.leftovers import new_run_name, remove_leftovers, remove_run
from wrinkle_server.triton.options import LOOPBACK
from wrinkle_server.triton.ports import free_ports, require_free_ports

__all__ = ["TorchServe"]

_CLASS: Final = "org.pytorch.serve.ModelServer"
_POLL_S: Final = 0.2
_LONGEST_SOCKET_NAME: Final = ".ts.sock.65535"  # a worker's
_MAX_SOCKET_PATH_BYTES: Final = 107  # unix(7), sun_path
_MAX_REASON_CHARS: Final = 300
_REFUSAL: Final = re.compile(r"wrinkle_core\.errors\.\w+: (.*)")
_TELLING: Final = ("[ERROR]", "[WARN ]", "ERROR", "Exception")


class TorchServe:
    """Runs TorchServe on a model store; a context manager starts it, waits until it answers, and stops it.

    Attributes:
        options: What is served, and where.
        run: The run's files; private to this user, gone when the server stops.
    """

    def __init__(self, options: TorchServeOptions) -> None:
        """Set up; nothing runs yet."""
        self.options = options
        self._run_name = new_run_name()
        self.run = RunFiles(Path(tempfile.gettempdir(), self._run_name))
        self._process = ChildProcess("TorchServe")
        self._keys: Keys | None = None

    def __enter__(self) -> TorchServe:
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
        """Id of the front end's process, or None."""
        return self._process.pid

    @property
    def session_id(self) -> int | None:
        """Id of the session that the front end and its workers form."""
        return self._process.session_id

    @property
    def url(self) -> str:
        """The URL for ``Client``."""
        return f"torchserve://{LOOPBACK}:{self.options.port}"

    @property
    def token(self) -> str:
        """The key that inference asks for. Keep it out of logs.

        Raises:
            ServerStartError: The server has not answered yet.
        """
        return self._require_keys().inference

    @property
    def management(self) -> Management:
        """The management API."""
        return Management(self.run.management_socket, self._require_keys().management)

    def start(self) -> None:
        """Start the process; it is not ready when this returns.

        Raises:
            MissingExtraError: TorchServe is not installed.
            ServerStartError: Java is missing, a port is taken, the scratch folder lies too deep for sockets, or the
                process cannot be started.
        """
        if len(os.fsencode(self.run.scratch / _LONGEST_SOCKET_NAME)) > _MAX_SOCKET_PATH_BYTES:
            raise ServerStartError(
                "The scratch folder's path is too long for socket files; set TMPDIR to a shorter one."
            )
        installation = find_torchserve()
        require_free_ports(LOOPBACK, {"--port": self.options.port, "--metrics-port": self.options.metrics_port})
        inference_grpc_port, management_grpc_port = free_ports(2)
        remove_leftovers()
        self.run.folder.mkdir(mode=0o700)
        write_configuration(self.run, self.options, grpc_ports=(inference_grpc_port, management_grpc_port))
        self.options.log_path.parent.mkdir(parents=True, exist_ok=True)
        self.options.log_path.unlink(missing_ok=True)
        self._process.start(
            self._command(installation), worker_environment(), self._open_console, folder=self.run.folder
        )

    def wait_ready(self, *, on_wait: Callable[[], None] | None = None) -> None:
        """Return once every worker has loaded its network.

        Args:
            on_wait: Called again and again meanwhile.

        Raises:
            ServerStartError: The server stopped, or a worker cannot load its network.
            DeadlineExceededError: Not ready in time.
        """
        deadline_s = time.monotonic() + self.options.start_timeout_s
        while not self._all_loaded():
            if on_wait is not None:
                on_wait()
            if self._process.gone.wait(_POLL_S):
                raise ServerStartError(f"TorchServe stopped while loading: {self.last_words()}")
            if refused := self._refused_to_load():
                raise ServerStartError(f"A worker cannot load its network: {refused} (log: {self.options.log_path})")
            if time.monotonic() > deadline_s:
                raise DeadlineExceededError(f"Not loaded after {self.options.start_timeout_s:g} s: {self.last_words()}")

    def wait(self, timeout_s: float | None = None) -> bool:
        """Return True once the process has ended, False after ``timeout_s``."""
        return self._process.gone.wait(timeout_s)

    def stop(self) -> None:
        """Stop front end and workers and remove the run folder. Does nothing when they are gone."""
        self._process.ask_to_end()
        if self._process.pid is not None and not self._process.gone.wait(self.options.stop_timeout_s):
            self._process.kill()
            self._process.gone.wait()
        self._process.kill_session()
        remove_run(self._run_name)

    def kill(self) -> None:
        """End the front end at once; ``stop`` still has to end the workers."""
        self._process.kill()

    def last_words(self) -> str:
        """Return the last warning or error in the log, for the person who started the server."""
        lines = self._log_lines()
        told = [line for line in lines if any(word in line for word in _TELLING)] or lines[-1:] or ["it wrote nothing"]
        return f"{told[-1][:_MAX_REASON_CHARS]} (all of it is in {self.options.log_path})"

    def _command(self, installation: TorchServeInstallation) -> list[str]:
        return [
            str(installation.java),
            f"-Xmx{self.options.heap_mib}m",
            f"-XX:MaxDirectMemorySize={self.options.heap_mib}m",
            "-XX:+ExitOnOutOfMemoryError",
            f"-Dmodel_server_home={installation.home}",
            f"-Djava.io.tmpdir={self.run.scratch}",
            f"-Dlog4j.configurationFile={self.run.logging}",
            f"-Dwrinkle.log={self.options.log_path.resolve()}",
            *("-cp", str(installation.front_end), _CLASS),
            *("--python", sys.executable),
            *("-f", str(self.run.configuration)),
            "-ncs",
        ]

    def _open_console(self) -> IO[bytes]:
        """Open what Java writes outside its log: the reason why it does not start."""
        return (self.run.folder / "console.log").open("ab")

    def _all_loaded(self) -> bool:
        self._keys = self._keys or read_keys(self.run)
        return self._keys is not None and all(self._loaded(model) for model in self.options.models)

    def _loaded(self, model: str) -> bool:
        """Return whether all workers of ``model`` are ready.

        TorchServe's ``/ping`` calls a worker healthy while it still loads.
        """
        try:
            workers = self.management.workers(model)
        except ServerUnreachableError:
            return False
        return bool(workers) and all(worker.ready for worker in workers)

    def _require_keys(self) -> Keys:
        if self._keys is None:
            raise ServerStartError("TorchServe has drawn no keys yet; wait until it is ready.")
        return self._keys

    def _refused_to_load(self) -> str:
        """Return what a worker said when it could not load its network; empty when none said so."""
        told = _REFUSAL.findall("\n".join(self._log_lines()))
        return str(told[-1])[:_MAX_REASON_CHARS] if told else ""

    def _log_lines(self) -> list[str]:
        """Return the log's lines, or what Java wrote before there was a log."""
        for path in (self.options.log_path, self.run.folder / "console.log"):
            if path.is_file() and (text := path.read_text(encoding="utf-8", errors="replace")):
                return text.splitlines()
        return []
