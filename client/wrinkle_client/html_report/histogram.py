"""How a figure is spread over a run, as bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Bar", "Histogram", "make_histogram"]

_BINS = 24


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: place and height in [0, 1], and what it counts."""

    x: float
    height: float
    count: int
    label: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """Bars and the figures that sum them up, as text."""

    bars: tuple[Bar, ...]
    smallest: str
    middle: str
    largest: str


def make_histogram(values: Sequence[float], digits: int) -> Histogram | None:
    """Return the spread of ``values``, None when there are fewer than two."""
    if len(values) < 2:
        return None
    low, middle, high = np.quantile(values, (0.0, 0.5, 1.0))
    counts, edges = np.histogram(values, _BINS, (min(0.0, float(low)), max(float(high), 10.0**-digits)))
    tallest = int(counts.max())
    bars = tuple(
        Bar(index / _BINS, count / tallest, int(count), f"{edges[index]:.{digits}f} to {edges[index + 1]:.{digits}f}")
        for index, count in enumerate(counts)
        if count
    )
    return Histogram(bars, *(f"{value:.{digits}f}" for value in (low, middle, high)))
