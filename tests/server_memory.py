"""The processes of a running server and the memory they hold."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from wrinkle_server.triton.leftovers import SHARED_MEMORY
from wrinkle_server.triton.model_server import ModelServer

__all__ = ["ServerProcesses"]

_COUNTED: Final = ("RssAnon", "RssFile")  # proc(5)


@dataclass(frozen=True)
class ServerProcesses:
    """``tritonserver`` and its steps."""

    ids: frozenset[int]
    run_name: str

    @classmethod
    def of(cls, server: ModelServer) -> ServerProcesses:
        """Return those that live now."""
        root = psutil.Process(server.process_id)
        alive = [child for child in root.children() if child.status() != psutil.STATUS_ZOMBIE]
        return cls(frozenset({root.pid, *(child.pid for child in alive)}), server.run_folder.name)

    def resident_bytes(self) -> int:
        """Return what they hold once it has settled, shared memory counted once.

        Not PSS or USS: both change when another program starts or ends that uses the same libraries.
        """
        time.sleep(0.5)
        return sum(_unshared_bytes(process) for process in self.ids) + sum(
            file.stat().st_blocks * 512 for file in SHARED_MEMORY.glob(f"{self.run_name}*")
        )


def _unshared_bytes(process: int) -> int:
    lines = Path("/proc", str(process), "status").read_text(encoding="utf-8").splitlines()
    kib = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines) if name in _COUNTED}
    return 1024 * sum(kib.values())
