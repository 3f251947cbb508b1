"""The table of what the processor allows, and how near each network comes."""

from __future__ import annotations

from statistics import median

from wrinkle_bench.page.table import NONE, markdown_table, not_measured, taken_on
from wrinkle_bench.processor_limits.limits import INT8, TORCH, SegmenterLimits
from wrinkle_bench.records import Record

__all__ = ["limits_block"]


def limits_block(record: Record[SegmenterLimits] | None) -> str:
    """Return the block: per network what each way to run it reaches, and the peak that it is a share of."""
    if record is None:
        return not_measured("wrinkle bench limits")
    parts = []
    for name, case in record.cases.items():
        rows = []
        for reached in (case.served, *case.others.values()):
            rows.append(
                (
                    f"network, {reached.title}",
                    f"{median(reached.throughput_hz):.3f}",
                    f"{case.tops(reached):.2f}",
                    f"{case.of_peak(reached):.0%} of {reached.arithmetic}",
                )
            )
        rows += [
            (f"processor, {peak.arithmetic}, {peak.kernel}", NONE, f"{max(peak.tops):.2f}", NONE) for peak in case.peaks
        ]
        head = ("", "inferences/s", "10¹² operations/s", "of the processor's peak")
        speeds = (
            f"As served it runs {case.served_over(TORCH):.1f} times as fast as torch in FP32. INT8 runs "
            f"{case.over_served(INT8):.2f} times as fast as what is served; with {case.shallow_share:.0%} of the "
            f"operations in FP32 in both, {case.most_over_served(INT8):.2f} times is what the processor's peak allows:"
        )
        parts += [f"**{name}** ({case.network}, {case.gflop:.0f} GFLOP). {speeds}", markdown_table(head, rows)]
    return "\n\n".join([*parts, taken_on(record.machine)])
