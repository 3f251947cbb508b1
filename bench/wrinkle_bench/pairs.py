"""Two ways to ask the same thing, taken in turns: the ratio of a pair survives a busy machine, a time does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

from wrinkle_bench.burst import burst

__all__ = ["Pairs", "measure_pairs"]

_Way: TypeAlias = tuple[Callable[[], object], list[float]]


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
    base_ms: list[float] = []
    other_ms: list[float] = []
    base_hz: list[float] = []
    other_hz: list[float] = []
    for number in range(1 + pairs):
        for ask, found_ms in _in_turn(number, (base, base_ms), (other, other_ms)):
            took_ms = burst(ask, concurrency=1, requests=1).p50_ms
            if number:  # the first pair opens connections
                found_ms.append(took_ms)
    for number in range(bursts):
        for ask, found_hz in _in_turn(number, (base, base_hz), (other, other_hz)):
            found_hz.append(burst(ask, concurrency=concurrency, requests=requests).throughput_hz)
    return Pairs(tuple(base_ms), tuple(other_ms), tuple(base_hz), tuple(other_hz))


def _in_turn(number: int, base: _Way, other: _Way) -> tuple[_Way, _Way]:
    """Return both ways, the other first in every second pair: going first must favour neither."""
    return (other, base) if number % 2 else (base, other)
