"""A plan as tables of a page."""

from __future__ import annotations

from collections.abc import Sequence

from wrinkle_scaling.planning.assumptions import Assumptions
from wrinkle_scaling.planning.fleet import Fleet

__all__ = ["assumption_rows", "fleet_rows", "markdown_table"]

Rows = list[list[str]]


def assumption_rows(assumptions: Assumptions) -> Rows:
    """Return head and rows of the assumptions."""
    rows = [
        [name, f"{figure.value:g}", "measured" if figure.measured else "**assumed**", figure.origin]
        for name, figure in assumptions.figures().items()
    ]
    return [["figure", "value", "", "origin"], *rows]


def fleet_rows(fleets: Sequence[Fleet]) -> Rows:
    """Return head and rows of the fleets, a row per kind of replica."""
    head = ["replica", "photographs/s each", "limited by", "replicas", "GPUs", "cores", "gateways", "GPU h per million"]
    rows = [
        [
            fleet.variant.name,
            f"{fleet.replica_hz:.1f}",
            fleet.limited_by,
            f"{fleet.replicas:,}",
            f"{fleet.gpus:,.0f}",
            f"{fleet.cores:,}",
            f"{fleet.gateways:,}",
            f"{fleet.gpu_h_per_million:.2f}",
            f"{fleet.core_h_per_million:.0f}",
        ]
        for fleet in fleets
    ]
    return [[*head, "core h per million"], *rows]


def markdown_table(rows: Rows) -> str:
    """Return head and rows as a table of a page."""
    head, *body = rows
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *body])
