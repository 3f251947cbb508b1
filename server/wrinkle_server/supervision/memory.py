"""Resident memory of a server and its steps, and the ceiling this machine or container sets."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import psutil

__all__ = ["memory_limit_bytes", "resident_bytes"]

_CGROUP_LIMITS: Final = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_MAX_STATM_BYTES: Final = 256
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


def memory_limit_bytes() -> int:
    """Return how much memory this container, or else this machine, may use.

    Source: Linux cgroup-v2.rst, ``memory.max``; cgroup-v1 memory.rst, ``memory.limit_in_bytes``.
    """
    total: int = psutil.virtual_memory().total
    for path in _CGROUP_LIMITS:
        if path.is_file():
            text = path.read_text(encoding="ascii").strip()
            return min(total, int(text)) if text.isdecimal() else total
    return total


def resident_bytes(process_ids: Iterable[int]) -> dict[int, int]:
    """Return each living process's own resident memory, shared pages left out.

    Source: proc(5), /proc/PID/statm; psutil reads three files for these two figures.
    """
    resident: dict[int, int] = {}
    for process_id in process_ids:
        try:
            with open(f"/proc/{process_id}/statm", "rb", buffering=0) as file:
                _, pages, shared_pages = file.read(_MAX_STATM_BYTES).split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        resident[process_id] = (int(pages) - int(shared_pages)) * _PAGE_BYTES
    return resident
