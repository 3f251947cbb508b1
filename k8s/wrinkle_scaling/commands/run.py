"""``wrinkle simulate-autoscaling run``: one scenario as a table, JSON and a picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from wrinkle_scaling.outcome.summary import summarise
from wrinkle_scaling.outcome.table import rich_table
from wrinkle_scaling.scenario import read_scenario
from wrinkle_scaling.simulation import simulate

__all__ = ["run"]


def run(
    scenarios: Annotated[list[Path], typer.Argument(metavar="SCENARIO", help="YAML files, see docs/scaling.md.")],
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of all chance; the same seed, the same result.")] = 0,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="File for the figures and the replica curve.")
    ] = None,
    plot_file: Annotated[
        Path | None, typer.Option("--plot", help="File for the picture, .svg or .png; one scenario only.")
    ] = None,
) -> None:
    """Simulate scenarios: latency, refusals, replicas, core and GPU hours."""
    if plot_file is not None and len(scenarios) > 1:
        raise typer.BadParameter("--plot takes one scenario.")
    rows, documents = [], []
    for path in scenarios:
        record = simulate(read_scenario(path), seed)
        summary = summarise(record)
        rows.append((path.stem, summary))
        curve = [(point.at_s, point.replicas, point.ready) for point in record.curve]
        documents.append(summary.to_dict() | {"seed": seed, "curve": curve})
        if plot_file is not None:
            from wrinkle_scaling.outcome.plot import plot

            plot(record, plot_file)
    if json_file is not None:
        json_file.write_text(json.dumps(documents, indent=1) + "\n", encoding="utf-8")
    console = Console()
    console.print(rich_table(f"Simulated, seed {seed}", rows))
    for _, summary in rows:
        basis = "measured figures" if summary.measured else "ASSUMED figures, nothing here was measured"
        console.print(f"{summary.title}: {summary.profile}, {basis}.", markup=False, highlight=False)
