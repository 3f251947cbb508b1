"""Resident memory of a server and its steps, and the ceiling this machine or container sets."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import psutil

__all__ = ["memory_limit_bytes", "resident_bytes"]

_CGROUP_LIMITS: Final = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


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
    """Return each living process's own resident memory, shared pages left out."""
    resident: dict[int, int] = {}
    for process_id in process_ids:
        try:
            memory = psutil.Process(process_id).memory_info()
        except psutil.NoSuchProcess:
            continue
        resident[process_id] = memory.rss - memory.shared
    return resident
