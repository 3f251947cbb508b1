"""Two ways to ask the same thing, taken in turns: the ratio of a pair survives a busy machine, a time does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from wrinkle_bench.burst import burst

__all__ = ["Pairs", "measure_pairs"]


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
    base_ms, other_ms, base_hz, other_hz = [], [], [], []
    for number in range(1 + pairs):
        found = [burst(ask, concurrency=1, requests=1).p50_ms for ask in (base, other)]
        if number:  # the first pair opens connections
            base_ms.append(found[0])
            other_ms.append(found[1])
    for _ in range(bursts):
        base_hz.append(burst(base, concurrency=concurrency, requests=requests).throughput_hz)
        other_hz.append(burst(other, concurrency=concurrency, requests=requests).throughput_hz)
    return Pairs(tuple(base_ms), tuple(other_ms), tuple(base_hz), tuple(other_hz))
