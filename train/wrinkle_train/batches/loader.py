"""Numbered batches: batch number n is the same on every machine, so a killed run goes on exactly where it stopped.

A source makes the batch of one optimiser step and process; with several processes, process r of w takes the numbers
r, r + w, r + 2w and so on, so that no two see the same batch; with gradient accumulation a batch is cut into parts.
"""

from __future__ import annotations

import atexit
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count, islice
from typing import Any, Final

import cv2
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from wrinkle_train.batches.kinds import BatchSource
from wrinkle_train.fitting.processes import process_count, process_rank
from wrinkle_train.recipe_schema.optimisation import TrainRecipe

__all__ = ["training_loader"]

_AHEAD: Final = 3


def training_loader(source: BatchSource, train: TrainRecipe, steps_done: int) -> DataLoader[Any]:
    """Return the endless loader of a run that has done ``steps_done`` optimiser steps.

    It yields (number, batch) pairs, ``number`` counting the parts of all processes: whatever a step draws at random
    takes its seed from it.
    """
    return DataLoader(
        _Numbered(source, train, steps_done),
        batch_size=None,
        num_workers=train.workers,
        prefetch_factor=4 if train.workers else None,
        # Not fork: OpenCV, OpenVINO and torch hold thread pools that a forked worker would wait for without end.
        multiprocessing_context="spawn" if train.workers else None,
        worker_init_fn=_start_worker if train.workers else None,
    )


def _start_worker(_: int) -> None:
    """Keep a worker to one thread, since the parent needs the processors, and let it end without native destructors.

    Its thread pools may be at work when it is told to end, and a library that finds its own still running then aborts
    the process (seen once in some twenty runs).
    """
    torch.set_num_threads(1)
    atexit.register(os._exit, 0)


class _Numbered(IterableDataset[tuple[int, Any]]):
    def __init__(self, source: BatchSource, train: TrainRecipe, steps_done: int) -> None:
        super().__init__()
        self._source = source
        self._parts = train.accumulate
        self._first = steps_done * process_count() + process_rank()
        self._stride = process_count()

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        """Yield parts of batches; loader worker w of n yields every n-th part, and makes only batches with such."""
        cv2.setNumThreads(1)
        worker = get_worker_info()
        workers, own = (worker.num_workers, worker.id) if worker else (1, 0)
        needed = self._needed(workers, own)
        # One thread makes batches ahead: each has a seed of its own, so the order of making them changes nothing.
        with ThreadPoolExecutor(1) as maker:
            ahead = deque((*one, maker.submit(self._source.batch, one[0])) for one in islice(needed, _AHEAD))
            for following in needed:
                number, parts, pending = ahead.popleft()
                batch = pending.result()
                ahead.append((*following, maker.submit(self._source.batch, following[0])))
                for part in parts:
                    yield number * self._parts + part, _part(batch, part, self._parts)

    def _needed(self, workers: int, own: int) -> Iterator[tuple[int, list[int]]]:
        """Yield the numbers of batches of which worker ``own`` of ``workers`` yields parts, and which parts."""
        for place in count():
            parts = [part for part in range(self._parts) if (place * self._parts + part) % workers == own]
            if parts:
                yield self._first + place * self._stride, parts


def _part(batch: Any, part: int, parts: int) -> Any:
    if parts == 1:
        return batch
    return type(batch)(*(torch.tensor_split(values, parts)[part] for values in batch))
