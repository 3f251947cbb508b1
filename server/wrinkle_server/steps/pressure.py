"""The board that tells the steps how many requests wait at each model; Triton tells a step nothing of its queue.

The supervisor reads the queues' lengths from Triton's metrics many times a second and publishes them on the *board*;
the steps look at it before they work on a request (``admission``, ``own_queue``).

Layout of the board, native 64-bit words: magic number; then per model that runs, in the contract's order, the
CLOCK_MONOTONIC nanoseconds at which the reading began and the number waiting. The number is stored before its time; a
reader between the two stores sees one publication's number under the other's time, a quarter of a second apart at most.
"""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from wrinkle_core.contract import MODELS
from wrinkle_core.errors import InvalidParameterError

__all__ = ["EXECUTED_MODELS", "MAX_AGE_S", "PressureBoard", "PublishedQueue"]

EXECUTED_MODELS: Final = tuple(each.name for each in MODELS if each.kind != "ensemble")  # an ensemble has no queue
MAX_AGE_S: Final = 1.0  # an older number says nothing
_FILE: Final = "pressure"
_MAGIC: Final = 0x3252_5350_4B4E_5257  # "WRNKPSR2"
_WORDS: Final = 1 + 2 * len(EXECUTED_MODELS)
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

    def publish(self, pending: Mapping[str, int], *, read_ns: int | None = None) -> None:
        """Tell how many requests wait, by model; a model that is left out keeps its old number.

        Args:
            pending: Requests that wait, by the model's name.
            read_ns: ``time.monotonic_ns`` when the reading of these numbers began; None for now.

        Raises:
            InvalidParameterError: No model that runs has one of the names.
        """
        at_ns = time.monotonic_ns() if read_ns is None else read_ns
        for name, count in pending.items():
            at = _slot(name)
            self._words[at + 1] = count
            self._words[at] = at_ns


class PublishedQueue:
    """The reading side, held by one instance of a step: the queue of one model as last published."""

    def __init__(self, run_folder: Path | None, model_name: str) -> None:
        """Look at nothing yet.

        Args:
            run_folder: Where the board is, or will be; None for no board.
            model_name: Whose queue.

        Raises:
            InvalidParameterError: No model that runs has this name.
        """
        self._path = None if run_folder is None else run_folder / _FILE
        self._at = _slot(model_name)
        self._words: memoryview | None = None

    def latest(self) -> tuple[int, int]:
        """Return time and length of the latest publication, zeros when there is none that still tells anything."""
        if self._words is None:
            self._words = _opened(self._path)
        if self._words is None:
            return 0, 0
        read_ns, pending = self._words[self._at], self._words[self._at + 1]
        age_s = (time.monotonic_ns() - read_ns) / 1e9
        return (read_ns, pending) if 0.0 <= age_s <= MAX_AGE_S else (0, 0)


def _slot(model_name: str) -> int:
    if model_name not in EXECUTED_MODELS:
        raise InvalidParameterError(f"No model named {model_name!r} runs; known: {', '.join(EXECUTED_MODELS)}.")
    return 1 + 2 * EXECUTED_MODELS.index(model_name)


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
