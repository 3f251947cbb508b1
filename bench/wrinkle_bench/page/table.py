"""Markdown tables and the sentence under them that says where the figures were taken."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from wrinkle_bench.machine import Machine

__all__ = ["NONE", "markdown_table", "not_measured", "taken_on"]

NONE: Final = "—"  # a cell without a figure
_BUSY: Final = 0.7


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table whose first column is text and whose others are numbers."""
    lines = [f"| {' | '.join(head)} |", f"|---|{'--:|' * (len(head) - 1)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def taken_on(machine: Machine) -> str:
    """Return one sentence on where and when; it says so when the machine was not idle."""
    busy = (
        f" The machine was **not idle** before (load {machine.load_before:.1f}): trust ratios, not times."
        if machine.load_before > _BUSY
        else ""
    )
    return (
        f"{machine.kind}, {machine.memory_gib:g} GiB; OpenVINO {machine.versions.get('openvino', NONE)}, Triton of the "
        f"{machine.triton}; {machine.measured_at[:10]}.{busy}"
    )


def not_measured(command: str) -> str:
    """Return what stands where figures are missing."""
    return f"*Not measured yet:* `{command}`."
