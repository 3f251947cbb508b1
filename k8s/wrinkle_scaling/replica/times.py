"""Drawing a call's time from the measured ones."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from wrinkle_scaling.replica.profile import StepProfile

__all__ = ["ServiceTimes"]

_CHUNK: Final = 4096


class ServiceTimes:
    """Times of one step's calls, drawn from the measured distribution.

    Each draw is a quantile of the samples, interpolated between neighbours. Between two measured batch sizes the same
    quantile of both is interpolated.
    """

    def __init__(self, profile: StepProfile, generator: np.random.Generator) -> None:
        self._generator = generator
        sizes = sorted(profile.seconds)
        sorted_s = {size: np.sort(np.array(profile.seconds[size], np.float64)) for size in sizes}
        self._sorted_s = {
            size: _between(size, sizes, sorted_s) if size not in sorted_s else sorted_s[size]
            for size in range(1, sizes[-1] + 1)
        }
        self._drawn: dict[int, list[float]] = {size: [] for size in self._sorted_s}

    def draw(self, batch: int) -> float:
        """Return the seconds of one call with ``batch`` photographs."""
        drawn = self._drawn[batch]
        if not drawn:
            samples_s = self._sorted_s[batch]
            if samples_s.size == 1:
                return float(samples_s[0])
            quantiles = self._generator.random(_CHUNK)
            drawn.extend(_quantiles_s(samples_s, quantiles).tolist())
        return drawn.pop()


def _quantiles_s(samples_s: NDArray[np.float64], quantiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return quantiles of sorted samples with each sample in the middle of its share, so that the mean is theirs."""
    places = (np.arange(samples_s.size) + 0.5) / samples_s.size
    return np.asarray(np.interp(quantiles, places, samples_s))


def _between(size: int, sizes: list[int], sorted_s: dict[int, NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return quantiles for a batch size between two measured ones."""
    below = max(each for each in sizes if each < size)
    above = min(each for each in sizes if each > size)
    grid = (np.arange(101) + 0.5) / 101
    weight = (size - below) / (above - below)
    smaller_s, larger_s = _quantiles_s(sorted_s[below], grid), _quantiles_s(sorted_s[above], grid)
    return np.asarray((1.0 - weight) * smaller_s + weight * larger_s)
