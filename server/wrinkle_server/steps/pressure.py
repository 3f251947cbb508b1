"""How many photographs wait ahead of each segmenter, and refusing more before any work is spent on them.

A preprocessor is many times faster than a segmenter on a CPU: left alone it would fill the segmenter's queue with
photographs that it decoded in vain. The supervisor reads the queue's length from Triton's metrics many times a second
and publishes it on a *board*; each preprocess step looks at the board before it decodes.

Layout of the board, native 64-bit words: magic number; then per segmenter, at its id, the CLOCK_MONOTONIC nanoseconds
of the publication and the number waiting. The number is stored before its time; a reader between the two stores sees
one publication's number under the other's time, which are a twentieth of a second apart.
"""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from wrinkle_core.contract import SEGMENTERS, SegmenterContract, segmenter
from wrinkle_core.errors import ContractError, OverloadedError

__all__ = ["MAX_AGE_S", "Admission", "PressureBoard"]

MAX_AGE_S: Final = 1.0  # an older number says nothing; the queues' own limits hold all the same
_FILE: Final = "pressure"
_MAGIC: Final = 0x3152_5350_4B4E_5257  # "WRNKPSR1"
_WORDS: Final = 1 + 2 * (1 + max(spec.id for spec in SEGMENTERS))
_BYTES: Final = 8 * _WORDS


class PressureBoard:
    """The writing side, held by the supervisor."""

    def __init__(self, run_folder: Path) -> None:
        """Make the board, or take over the one that is there.

        Raises:
            OSError: The file cannot be made.
        """
        descriptor = os.open(run_folder / _FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, _MAGIC.to_bytes(8, "little") + bytes(_BYTES - 8))
            os.truncate(descriptor, _BYTES)
            self._words = memoryview(mmap.mmap(descriptor, _BYTES)).cast("Q")
        finally:
            os.close(descriptor)

    def publish(self, pending: Mapping[str, int]) -> None:
        """Tell how many requests wait, by the segmenter's name; a segmenter that is left out keeps its old number.

        Raises:
            InvalidParameterError: No segmenter has one of the names.
        """
        for name, count in pending.items():
            at = _slot(segmenter(name))
            self._words[at + 1] = count
            self._words[at] = time.monotonic_ns()


class Admission:
    """The reading side, held by one preprocess instance: lets a photograph in while few enough wait.

    Between two publications an instance sees only what it let in itself, so it takes its own count times the number of
    instances for the whole.
    """

    def __init__(self, run_folder: Path | None, spec: SegmenterContract, *, max_waiting: int, instances: int) -> None:
        """Begin with nothing let in.

        Args:
            run_folder: Where the board is, or will be; None lets everything in.
            spec: The segmenter ahead of which photographs wait.
            max_waiting: How many may wait, at least 1.
            instances: Preprocess instances that let photographs in beside and including this one, at least 1.

        Raises:
            ContractError: A number is below 1.
        """
        if max_waiting < 1 or instances < 1:
            raise ContractError(f"max_waiting {max_waiting} and instances {instances} must be at least 1.")
        self._path = None if run_folder is None else run_folder / _FILE
        self._spec = spec
        self._max_waiting = max_waiting
        self._instances = instances
        self._words: memoryview | None = None
        self._publication_ns = 0
        self._let_in = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take a place ahead of the segmenter; a block that raises gives it back, its photograph goes no further.

        Raises:
            OverloadedError: Too many wait.
        """
        publication_ns, pending = self._latest()
        if publication_ns != self._publication_ns:
            self._publication_ns, self._let_in = publication_ns, 0
        waiting = pending + self._let_in * self._instances
        if publication_ns and waiting >= self._max_waiting:
            raise OverloadedError(
                f"{waiting} photographs wait for {self._spec.name}, at most {self._max_waiting} may; try again later."
            )
        self._let_in += 1
        try:
            yield
        except BaseException:
            self._let_in -= 1
            raise

    def _latest(self) -> tuple[int, int]:
        """Return time and number of the latest publication, zeros when there is none that still tells anything."""
        if self._words is None:
            self._words = _opened(self._path)
        if self._words is None:
            return 0, 0
        at = _slot(self._spec)
        publication_ns, pending = self._words[at], self._words[at + 1]
        age_s = (time.monotonic_ns() - publication_ns) / 1e9
        return (publication_ns, pending) if 0.0 <= age_s <= MAX_AGE_S else (0, 0)


def _slot(spec: SegmenterContract) -> int:
    return 1 + 2 * spec.id


def _opened(path: Path | None) -> memoryview | None:
    """Return the board's words, or None when no complete board is there yet."""
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size != _BYTES:
                return None
            words = memoryview(mmap.mmap(file.fileno(), _BYTES, access=mmap.ACCESS_READ)).cast("Q")
    except OSError:
        return None
    return words if words[0] == _MAGIC else None
