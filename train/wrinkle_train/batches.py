"""Numbered batches: batch number n is the same on every machine, so a killed run goes on exactly where it stopped.

A source makes the batch of one optimiser step and process; with several processes, process r of w takes the numbers
r, r + w, r + 2w and so on, so that no two see the same batch; with gradient accumulation a batch is cut into parts.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple, Protocol

import cv2
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from wrinkle_train.recipe_schema.optimisation import TrainRecipe

__all__ = ["BatchSource", "PictureBatch", "process_count", "process_rank", "training_loader"]

_AHEAD: Final = 3


class PictureBatch(NamedTuple):
    """Batch of a pretraining task that needs pictures alone.

    Attributes:
        pixels: (N, 3, H, W) uint8 RGB.
    """

    pixels: Tensor


class BatchSource(Protocol):
    """Makes batches by number."""

    def batch(self, number: int) -> Any:
        """Return batch ``number``, a named tuple of (N, ...) tensors; the same number gives the same batch."""


def process_count() -> int:
    """Return how many processes torchrun started, 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def process_rank() -> int:
    """Return this process's number among them."""
    return int(os.environ.get("RANK", "0"))


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
    )


class _Numbered(IterableDataset[tuple[int, Any]]):
    def __init__(self, source: BatchSource, train: TrainRecipe, steps_done: int) -> None:
        super().__init__()
        self._source = source
        self._parts = train.accumulate
        self._first = steps_done * process_count() + process_rank()
        self._stride = process_count()

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        """Yield parts of batches; loader worker w of n makes every n-th part."""
        cv2.setNumThreads(1)
        worker = get_worker_info()
        workers, own = (worker.num_workers, worker.id) if worker else (1, 0)
        # One thread makes batches ahead: each has a seed of its own, so the order of making them changes nothing.
        with ThreadPoolExecutor(1) as maker:
            ahead = deque((n, maker.submit(self._source.batch, n)) for n in self._numbers(0, _AHEAD))
            position = 0
            for nth in self._endless(_AHEAD):
                number, pending = ahead.popleft()
                batch = pending.result()
                ahead.append((nth, maker.submit(self._source.batch, nth)))
                for part in range(self._parts):
                    if position % workers == own:
                        yield number * self._parts + part, _part(batch, part, self._parts)
                    position += 1

    def _numbers(self, start: int, stop: int) -> list[int]:
        return [self._first + n * self._stride for n in range(start, stop)]

    def _endless(self, start: int) -> Iterator[int]:
        number = self._first + start * self._stride
        while True:
            yield number
            number += self._stride


def _part(batch: Any, part: int, parts: int) -> Any:
    if parts == 1:
        return batch
    return type(batch)(*(torch.tensor_split(values, parts)[part] for values in batch))
