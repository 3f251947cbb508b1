"""Two ways to ask the same thing, taken in turns: the ratio of a pair survives a busy machine, a time does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from wrinkle_bench.burst import burst

__all__ = ["Pairs", "in_turns", "measure_pairs"]

First = TypeVar("First")
Second = TypeVar("Second")


@dataclass(frozen=True, slots=True)
class Pairs:
    """One way beside another.

    Attributes:
        base_ms: One caller asking the one way, one figure a pair.
        other_ms: The other way, in the same pairs.
        base_hz: Throughput with several callers, one figure a pair of bursts.
        other_hz: The other way, in the same pairs.
    """

    base_ms: tuple[float, ...]
    other_ms: tuple[float, ...]
    base_hz: tuple[float, ...]
    other_hz: tuple[float, ...]

    @property
    def latency_ratio(self) -> float:
        """Return the median over the pairs of the other way's latency over the base's."""
        return median(other / base for base, other in zip(self.base_ms, self.other_ms, strict=True))

    @property
    def added_ms(self) -> float:
        """Return the median over the pairs of what the other way takes more; below 0 it takes less."""
        return median(other - base for base, other in zip(self.base_ms, self.other_ms, strict=True))

    @property
    def throughput_ratio(self) -> float:
        """Return the median over the pairs of the other way's throughput over the base's."""
        return median(other / base for base, other in zip(self.base_hz, self.other_hz, strict=True))


def measure_pairs(
    base: Callable[[], object],
    other: Callable[[], object],
    *,
    pairs: int,
    concurrency: int = 2,
    bursts: int = 3,
    requests: int = 8,
) -> Pairs:
    """Ask both ways in turns.

    Args:
        base: One request the one way.
        other: One request the other way.
        pairs: Single requests of each.
        concurrency: Callers in a burst.
        bursts: Bursts of each.
        requests: Answers of a burst.
    """
    base_ms, other_ms = in_turns(
        lambda: burst(base, concurrency=1, requests=1).p50_ms,
        lambda: burst(other, concurrency=1, requests=1).p50_ms,
        1 + pairs,
    )
    base_hz, other_hz = in_turns(
        lambda: burst(base, concurrency=concurrency, requests=requests).throughput_hz,
        lambda: burst(other, concurrency=concurrency, requests=requests).throughput_hz,
        bursts,
    )
    # The first pair opens connections.
    return Pairs(tuple(base_ms[1:]), tuple(other_ms[1:]), tuple(base_hz), tuple(other_hz))


def in_turns(one: Callable[[], First], other: Callable[[], Second], rounds: int) -> tuple[list[First], list[Second]]:
    """Return what each finds in every round; the other goes first in every second one, for that must favour neither."""
    found: list[First] = []
    others: list[Second] = []
    for number in range(rounds):
        if number % 2:
            others.append(other())
            found.append(one())
        else:
            found.append(one())
            others.append(other())
    return found, others
