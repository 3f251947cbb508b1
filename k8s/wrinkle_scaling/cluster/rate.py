"""``rate()`` of a counter, as Prometheus computes it.

The increase between the first and the last sample in the window is carried on to the window's ends where samples go on
that far, and by half an interval where they do not; never to before the counter was 0. It is divided by the whole
window: a pod that has just come, or has gone, counts for the part of the window that it was there.

Source: Prometheus documentation, Query functions, ``rate``; B. Brazil, "How does a Prometheus counter work?", 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["rate_hz"]

_GOES_ON: Final = 1.1  # mean intervals from the window's end to the nearest sample, up to which samples go on


def rate_hz(samples: Sequence[tuple[float, float]], now_s: float, window_s: float) -> float | None:
    """Return a counter's increase per second, or None where there are fewer than two samples.

    Args:
        samples: Times in seconds and values, ascending, all within the window.
        now_s: Where the window ends.
        window_s: How long it is.
    """
    if len(samples) < 2:
        return None
    (first_s, first), (last_s, last) = samples[0], samples[-1]
    sampled_s, increase = last_s - first_s, last - first
    interval_s = sampled_s / (len(samples) - 1)
    before_s, after_s = (
        gap_s if gap_s < interval_s * _GOES_ON else interval_s / 2.0
        for gap_s in (first_s - (now_s - window_s), now_s - last_s)
    )
    if increase > 0.0:
        before_s = min(before_s, sampled_s * first / increase)  # since it was 0
    return increase * (sampled_s + before_s + after_s) / sampled_s / window_s
