"""What servers leave behind, or should not."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import psutil

from wrinkle_server.triton.leftovers import SHARED_MEMORY

__all__ = ["remains", "session_members"]


def remains(owner: int) -> list[str]:
    """Return what the servers of process ``owner`` have in shared memory and in the scratch folder."""
    folders = (SHARED_MEMORY, Path(tempfile.gettempdir()))
    return sorted(str(path) for folder in folders for path in folder.glob(f"wrinkle-serve-{owner}-*"))


def session_members(session_id: int) -> list[int]:
    members = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == session_id and process.status() != psutil.STATUS_ZOMBIE:
                members.append(process.pid)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return members
