"""What each Python step is doing: a file per process that the step writes and the supervisor reads.

A step that hangs in a native call answers nobody and looks alive to Triton; only the moment at which it began to be
busy gives it away. The file is mapped into memory, and each figure is one aligned 8-byte store, so that neither side
ever waits for the other.

Layout, native 64-bit words: magic number, process id, start time of the process in clock ticks, CLOCK_MONOTONIC
nanoseconds at which it became busy (0 when idle), executions completed; then the model's name in 64 bytes.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wrinkle_core.errors import ContractError

__all__ = ["Activity", "ActivityPulse", "StepActivity", "read_activities", "start_ticks"]

_FOLDER: Final = "steps"
_SUFFIX: Final = ".activity"
_LAYOUT: Final = struct.Struct("=5Q64s")
_MAGIC: Final = 0x3150_4554_534B_5257  # "WRKSTEP1"
_BUSY_SINCE, _COMPLETED = 3, 4  # words
_STATE, _START_TICKS = 0, 19  # fields of /proc/PID/stat after the command's closing bracket
_MAX_STAT_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class StepActivity:
    """One living process of a Python step, at the moment of reading.

    Attributes:
        pid: Its process id.
        model: The Triton model it runs.
        busy_since_ns: CLOCK_MONOTONIC at which its present execution began; 0 when idle.
        busy_for_s: How long that is ago; 0 when idle.
        completed: Executions it has ended since it started.
    """

    pid: int
    model: str
    busy_since_ns: int
    busy_for_s: float
    completed: int


class Activity:
    """This process's own file; without a run folder, memory that nobody reads."""

    def __init__(self, run_folder: Path | None, *, model: str, instance: str) -> None:
        """Begin idle.

        Raises:
            ContractError: The model's name does not fit.
            OSError: The file cannot be made.
        """
        name = model.encode()
        if len(name) > 64:
            raise ContractError(f"A model's name may have 64 bytes, {model[:64]!r}... has {len(name)}.")
        started = start_ticks(os.getpid()) or 0
        empty = _LAYOUT.pack(_MAGIC, os.getpid(), started, 0, 0, name)
        self._path = None if run_folder is None else run_folder / _FOLDER / f"{instance}-{os.getpid()}{_SUFFIX}"
        self._words = memoryview(_mapped(self._path, empty)).cast("Q")

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Count as busy inside the block."""
        self.restart_clock()
        try:
            yield
        finally:
            self._words[_COMPLETED] += 1
            self._words[_BUSY_SINCE] = 0

    def restart_clock(self) -> None:
        """Count as busy from now on: the limit holds for each request of a batch, not for all of them together."""
        self._words[_BUSY_SINCE] = time.monotonic_ns()

    def remove(self) -> None:
        """Remove the file: the process ends in order."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


class ActivityPulse:
    """Says whether any step took or ended a request since the last question; asks the mapped files, not the system."""

    def __init__(self, run_folder: Path) -> None:
        self._folder = run_folder / _FOLDER
        self._figures: dict[Path, memoryview] = {}
        self._seen: list[bytes] = []

    def find_steps(self) -> None:
        """Take note of the steps that started or ended; a step is not heard before this."""
        paths = set(self._folder.glob(f"*{_SUFFIX}"))
        self._figures = {path: figures for path, figures in self._figures.items() if path in paths}
        for path in paths - self._figures.keys():
            figures = _mapped_figures(path)
            if figures is not None:
                self._figures[path] = figures

    def moved(self) -> bool:
        """Return whether any figure differs from those of the last call."""
        seen, self._seen = self._seen, [bytes(figures) for figures in self._figures.values()]
        return seen != self._seen


def read_activities(run_folder: Path) -> tuple[StepActivity, ...]:
    """Return what every living Python step does; files of dead processes and damaged files are left out."""
    now_ns = time.monotonic_ns()
    found = (_read(path, now_ns) for path in sorted((run_folder / _FOLDER).glob(f"*{_SUFFIX}")))
    return tuple(activity for activity in found if activity is not None)


def start_ticks(pid: int) -> int | None:
    """Return when a process started, in clock ticks after boot, or None when it does not live.

    Source: proc(5), /proc/PID/stat.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            fields = file.read(_MAX_STAT_BYTES).rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[_STATE] in (b"Z", b"X", b"x") else int(fields[_START_TICKS])


def _read(path: Path, now_ns: int) -> StepActivity | None:
    try:
        with path.open("rb", buffering=0) as file:
            content = file.read(_LAYOUT.size)
    except OSError:  # removed meanwhile
        return None
    if len(content) != _LAYOUT.size:
        return None
    magic, pid, started, busy_since_ns, completed, name = _LAYOUT.unpack(content)
    if magic != _MAGIC or start_ticks(pid) != started:  # the id may belong to another process by now
        return None
    busy_for_s = max(0, now_ns - busy_since_ns) / 1e9 if busy_since_ns else 0.0
    return StepActivity(pid, name.rstrip(b"\0").decode(errors="replace"), busy_since_ns, busy_for_s, completed)


def _mapped_figures(path: Path) -> memoryview | None:
    """Return what changes in a step's file, mapped; None when it is no such file, or not written yet."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size != _LAYOUT.size:
                return None
            content = memoryview(mmap.mmap(file.fileno(), _LAYOUT.size, access=mmap.ACCESS_READ))
    except OSError:
        return None
    return content[8 * _BUSY_SINCE : 8 * (_COMPLETED + 1)]


def _mapped(path: Path | None, content: bytes) -> mmap.mmap:
    if path is None:
        anonymous = mmap.mmap(-1, len(content))
        anonymous.write(content)
        return anonymous
    path.parent.mkdir(mode=0o700, exist_ok=True)
    _remove_files_of_dead(path)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, content)  # real bytes: a store into a hole of a full disk would kill the process
        return mmap.mmap(descriptor, len(content))
    finally:
        os.close(descriptor)


def _remove_files_of_dead(path: Path) -> None:
    """Remove what killed predecessors of the same instance left, so that the folder does not grow."""
    instance = path.name.rpartition("-")[0]
    for old in path.parent.glob(f"{instance}-*{_SUFFIX}"):
        if old == path or _read(old, 0) is None:
            old.unlink(missing_ok=True)
