"""How sure a median is."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import Final

__all__ = ["median_interval"]

_CONFIDENCE: Final = 0.95


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of the median of what ``values`` are drawn from, or their range when they are few.

    No form of the distribution is assumed. Source: Conover, Practical Nonparametric Statistics, confidence interval for
    a quantile.
    """
    ordered, count = sorted(values), len(values)
    outside, rank = 0.0, 0
    while rank < count // 2:
        outside += comb(count, rank) / 2**count
        if 2 * outside > 1 - _CONFIDENCE:
            break
        rank += 1
    rank = max(rank, 1)
    return ordered[rank - 1], ordered[count - rank]
