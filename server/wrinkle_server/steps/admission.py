"""Refusing photographs ahead of a full segmenter, before any work is spent on them.

A preprocessor is many times faster than a segmenter on a CPU: left alone it would fill the segmenter's queue with
photographs that it decoded in vain. Each preprocess step looks at the board before it decodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wrinkle_core.contract import SegmenterContract
from wrinkle_core.errors import ContractError, OverloadedError
from wrinkle_server.steps.pressure import PublishedQueue

__all__ = ["Admission"]


class Admission:
    """Held by one preprocess instance: lets a photograph in while few enough wait.

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
        self._queue = PublishedQueue(run_folder, spec.name)
        self._name = spec.name
        self._max_waiting = max_waiting
        self._instances = instances
        self._publication_ns = 0
        self._let_in = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take a place ahead of the segmenter; a block that raises gives it back, its photograph goes no further.

        Raises:
            OverloadedError: Too many wait.
        """
        publication_ns, pending = self._queue.latest()
        if publication_ns != self._publication_ns:
            self._publication_ns, self._let_in = publication_ns, 0
        waiting = pending + self._let_in * self._instances
        if publication_ns and waiting >= self._max_waiting:
            raise OverloadedError(
                f"{waiting} photographs wait for {self._name}, at most {self._max_waiting} may; try again later."
            )
        self._let_in += 1
        try:
            yield
        except BaseException:
            self._let_in -= 1
            raise
