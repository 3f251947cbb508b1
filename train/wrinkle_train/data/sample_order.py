"""The order of samples: a pure function of seed and step, so that a resumed run sees what an uninterrupted one would.

Samples come in random permutations of the data set, one after the other; batch ``s`` of process ``r`` of ``w`` takes
its share of positions ``[s b w, (s + 1) b w)``. A batch may reach over the end of a permutation: none is smaller.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from torch.utils.data import Sampler

from wrinkle_core.errors import InvalidParameterError

__all__ = ["SampleKey", "SampleOrder"]


class SampleKey(NamedTuple):
    """Which sample, and in which round through the data set: together with the seed they decide its augmentation."""

    epoch: int
    photo: int


class SampleOrder(Sampler[list[SampleKey]]):
    """Batches of keys, for ``DataLoader(batch_sampler=...)``.

    Args:
        length: Pictures in the data set.
        batch_size: Samples a batch, in each process.
        seed: Decides the permutations.
        steps: Number of batches from step 0 on; a loader over the rest has ``steps - first_step``.
        first_step: Where to start, after a resume.
        rank: This process of several.
        world: Number of processes.
        shuffle: Off keeps the data set's order.

    Raises:
        InvalidParameterError: A number is out of range.
    """

    def __init__(
        self,
        length: int,
        batch_size: int,
        seed: int,
        *,
        steps: int,
        first_step: int = 0,
        rank: int = 0,
        world: int = 1,
        shuffle: bool = True,
    ) -> None:
        if min(length, batch_size, world) < 1 or not 0 <= first_step <= steps or not 0 <= rank < world:
            raise InvalidParameterError(
                f"No batches of {batch_size} from {length} pictures, steps {first_step} to {steps}, process {rank} "
                f"of {world}."
            )
        self._length, self._batch_size, self._seed = length, batch_size, seed
        self._steps, self._first_step = steps, first_step
        self._rank, self._world, self._shuffle = rank, world, shuffle
        self._epoch, self._order = -1, np.arange(length)

    @staticmethod
    def steps_per_epoch(length: int, batch_size: int, world: int = 1) -> int:
        """Return the batches after which every picture was seen once: the last, cut batch counts as one."""
        return -(-length // (batch_size * world))

    def __len__(self) -> int:
        """Return the number of batches still to come."""
        return self._steps - self._first_step

    def __iter__(self) -> Iterator[list[SampleKey]]:
        """Yield the keys of each batch."""
        return (self.batch(step) for step in range(self._first_step, self._steps))

    def batch(self, step: int) -> list[SampleKey]:
        """Return the keys of batch number ``step``."""
        first = (step * self._world + self._rank) * self._batch_size
        return [self._key(position) for position in range(first, first + self._batch_size)]

    def _key(self, position: int) -> SampleKey:
        epoch, place = divmod(position, self._length)
        if self._shuffle and epoch != self._epoch:
            self._order = np.random.default_rng((self._seed, epoch)).permutation(self._length)
            self._epoch = epoch
        return SampleKey(epoch, int(self._order[place]))
