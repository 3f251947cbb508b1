"""A program that this process starts and that does not outlive it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, Final

import psutil

from wrinkle_core.errors import ServerStartError

__all__ = ["ChildProcess"]

_LAUNCHER: Final = Path(__file__).resolve().parent / "launch.py"

Output = AbstractContextManager[IO[bytes]]


class ChildProcess:
    """One run of a program, in a session of its own; the kernel ends it when this process dies.

    Attributes:
        gone: Set once the program has ended, or could not be started.
    """

    def __init__(self, name: str) -> None:
        """Set up; nothing runs yet.

        Args:
            name: What to call the program in messages.
        """
        self.gone = threading.Event()
        self._name = name
        self._process: subprocess.Popen[bytes] | None = None
        self._asked = False
        self._launched = threading.Event()
        self._failure: OSError | None = None

    @property
    def pid(self) -> int | None:
        """Id of the process, None while it does not run."""
        return self._process.pid if self._process is not None and not self.gone.is_set() else None

    @property
    def session_id(self) -> int | None:
        """Id of the session, also after the end; None when the program never ran."""
        return self._process.pid if self._process is not None else None

    @property
    def exit_code(self) -> int | None:
        """How the program ended, None while it runs."""
        return self._process.poll() if self._process is not None else None

    def start(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        open_output: Callable[[], Output] | None = None,
        folder: Path | None = None,
    ) -> None:
        """Start the program from a thread that outlives it: the kernel's death signal follows the parent *thread*.

        Args:
            command: Program and arguments.
            environment: Of the program; None is this process's own.
            open_output: Opens the file for its standard output and error; None is this process's own.
            folder: Its working folder; None is this process's own.

        Raises:
            ServerStartError: It cannot be started.
        """
        launcher = [sys.executable, "-I", str(_LAUNCHER), str(os.getpid()), *command]

        def keep() -> None:
            try:
                with open_output() if open_output is not None else nullcontext(None) as output:
                    self._process = subprocess.Popen(
                        launcher,
                        env=environment,
                        cwd=folder,
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=output,
                        start_new_session=True,
                    )
            except OSError as error:
                self._failure = error
            self._launched.set()
            if self._process is not None:
                self._process.wait()
            self.gone.set()

        self._asked = True
        threading.Thread(target=keep, name=f"{self._name}-keeper", daemon=True).start()
        self._launched.wait()
        if self._failure is not None:
            raise ServerStartError(f"{self._name} could not be started: {self._failure.strerror}.") from self._failure

    def ask_to_end(self) -> None:
        """Send SIGTERM; does nothing once the program is gone, and waits for one that is just being started."""
        if self._asked:
            self._launched.wait()
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL; does nothing once the program is gone. Safe in a signal handler."""
        if self._process is not None and not self.gone.is_set():
            self._process.kill()

    def kill_session(self) -> None:
        """Send SIGKILL to whatever is left of the program's own session: children that did not follow it."""
        if self._process is None:
            return
        for process in psutil.process_iter():
            try:
                if os.getsid(process.pid) == self._process.pid:
                    process.kill()
            except (ProcessLookupError, psutil.NoSuchProcess):
                continue
