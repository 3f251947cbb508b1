"""Looking for the best choice one property at a time, as NVIDIA's Model Analyzer does in its quick search.

Each property keeps the best value found before the next is tried. A value replaces another only when it is better by
more than noise: where two do the same, the smaller one stays, which takes less memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from wrinkle_bench.deployments.measure import Choice, MeasuredChoice

__all__ = ["best_choice", "variations"]

_BETTER: Final = 1.03
_DELAYS_US: Final = (0, 5_000, 20_000)


def variations(cores: int) -> tuple[Callable[[Choice], list[Choice]], ...]:
    """Return the properties in the order they are tried; each makes the choices that differ in it from the best."""
    return (
        lambda best: [replace(best, instances=count) for count in sorted({1, 2, max(1, cores // 2), min(cores, 8)})],
        lambda best: [
            best.in_copies(copies, 0 if copies == 1 else max(1, cores // copies))
            for copies in sorted({1, 2, min(cores, 4)})
        ],
        lambda best: [replace(best, max_batch_size=size) for size in (1, 2, 4)],
        lambda best: [replace(best, queue_delay_us=delay) for delay in _DELAYS_US if best.max_batch_size > 1],
    )


def best_choice(
    measured: Callable[[Choice], MeasuredChoice], *, cores: int, max_p99_ms: float | None
) -> MeasuredChoice:
    """Return the choice with the highest throughput.

    Args:
        measured: Measures a choice; asked for the same choice twice it should answer from memory.
        cores: Of the machine.
        max_p99_ms: A choice with a higher 99th percentile counts only while none keeps it.
    """
    best = measured(Choice(instances=1))
    for varied in variations(cores):
        for choice in varied(best.choice):
            found = measured(choice)
            if _better(found, best, max_p99_ms):
                best = found
    return best


def _better(found: MeasuredChoice, best: MeasuredChoice, max_p99_ms: float | None) -> bool:
    if max_p99_ms is not None:
        keeps, kept = found.seen.p99_ms <= max_p99_ms, best.seen.p99_ms <= max_p99_ms
        if keeps != kept:
            return keeps
    return found.seen.throughput_hz > _BETTER * best.seen.throughput_hz
