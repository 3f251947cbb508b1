"""A monitoring program from the distribution's packages, run by a test for as long as a ``with`` lasts."""

from __future__ import annotations

import json
import shutil
import time
import urllib.parse
import urllib.request
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Any

from wrinkle_server.triton.child_process import ChildProcess
from wrinkle_server.triton.ports import free_ports

__all__ = ["HOST", "Daemon"]

HOST = "127.0.0.1"
_START_S = 20.0
_STOP_S = 10.0
_POLL_S = 0.1


class Daemon(ABC):
    """Has an HTTP port, ``/-/ready``, and a folder for its configuration, data and log."""

    def __init__(self, program: str, folder: Path) -> None:
        path = shutil.which(program)
        assert path is not None, f"{program} is not here: apt-get install --no-install-recommends {program}"
        folder.mkdir()
        self.folder = folder
        (self.port,) = free_ports(1)
        self._program = path
        self._child = ChildProcess(program)

    @abstractmethod
    def arguments(self) -> list[str]:
        """Write the configuration and return the program's arguments."""

    def __enter__(self) -> None:
        log = self.folder / "log"
        self._child.start([self._program, *self.arguments()], open_output=lambda: log.open("wb"))
        deadline_s = time.monotonic() + _START_S
        while not self._is_ready():
            assert not self._child.gone.is_set(), log.read_text(encoding="utf-8")[-2000:]
            assert time.monotonic() < deadline_s, f"{self._program} does not get ready"
            time.sleep(_POLL_S)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.ask_to_end()
        if not self._child.gone.wait(_STOP_S):
            self._child.kill()

    def get(self, path: str, **query: str) -> Any:
        """Return the JSON document at ``path``."""
        url = f"http://{HOST}:{self.port}{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self.port}/-/ready", timeout=5):
                return True
        except OSError:
            return False
