"""The order of samples: a pure function of seed and step, so that a resumed run sees what an uninterrupted one would.

Samples come in random permutations of the data set, one after the other; batch ``n`` of ``b`` takes their positions
``[n b, (n + 1) b)``. A batch may reach over the end of a permutation: none is smaller.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wrinkle_core.errors import InvalidParameterError

__all__ = ["SampleKey", "SampleOrder"]


class SampleKey(NamedTuple):
    """Which sample, and in which round through the data set: together with the seed they decide its augmentation."""

    epoch: int
    photo: int


class SampleOrder:
    """The keys of numbered batches, without end.

    Args:
        length: Pictures in the data set.
        batch_size: Samples a batch.
        seed: Decides the permutations.

    Raises:
        InvalidParameterError: A number is below 1.
    """

    def __init__(self, length: int, batch_size: int, seed: int) -> None:
        if min(length, batch_size) < 1:
            raise InvalidParameterError(f"No batches of {batch_size} can be made from {length} pictures; add pictures.")
        self._length, self._batch_size, self._seed = length, batch_size, seed
        self._epoch, self._order = -1, np.arange(length)

    def batch(self, number: int) -> list[SampleKey]:
        """Return the keys of batch ``number``."""
        first = number * self._batch_size
        return [self._key(position) for position in range(first, first + self._batch_size)]

    def _key(self, position: int) -> SampleKey:
        epoch, place = divmod(position, self._length)
        if epoch != self._epoch:
            self._order = np.random.default_rng((self._seed, epoch)).permutation(self._length)
            self._epoch = epoch
        return SampleKey(epoch, int(self._order[place]))
