"""``wrinkle simulate-autoscaling plan``: a fleet on paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from wrinkle_scaling.planning.assumptions import read_assumptions
from wrinkle_scaling.planning.fleet import fleets
from wrinkle_scaling.planning.table import assumption_rows, fleet_rows

__all__ = ["plan"]


def plan(
    assumptions: Annotated[Path, typer.Argument(metavar="ASSUMPTIONS", help="YAML file, see docs/scaling.md.")],
    rate_hz: Annotated[float, typer.Option("--rate-hz", min=0.001, help="Photographs per second.")] = 10_000.0,
) -> None:
    """Plan a fleet for a rate on paper: replicas, GPUs, cores, gateways, and what a million photographs take."""
    read = read_assumptions(assumptions)
    console = Console()
    found = fleets(read, rate_hz)
    by_figure = [list(row) for row in zip(*fleet_rows(found), strict=True)]
    for title, rows in (("Assumptions", assumption_rows(read)), (f"{rate_hz:,g} a second", by_figure)):
        head, *body = rows
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0))
        for name in head:
            table.add_column(name)
        for row in body:
            table.add_row(*(cell.replace("*", "") for cell in row))
        console.print(table)
    traffic = found[0]
    console.print(
        f"In {traffic.ingress_bits_s / 1e9:.1f} Gbit/s, out {traffic.egress_bits_s / 1e9:.2f} Gbit/s, "
        f"{traffic.nodes_for_network} nodes' networks at the gateways, "
        f"{traffic.gigabytes_per_million:.0f} GB per million."
    )
