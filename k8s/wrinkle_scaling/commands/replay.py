"""``wrinkle simulate-autoscaling replay``: a recorded run of a real controller against ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wrinkle_scaling.autoscaler.recorded_run import read_recorded_run
from wrinkle_scaling.autoscaler.recorded_run import replay as replayed

__all__ = ["replay"]


def replay(
    recorded: Annotated[Path, typer.Argument(metavar="FILE", help="JSON file with load, rules and observed replicas.")],
    sync_period_s: Annotated[float, typer.Option("--sync-period-s", min=0.1, help="Of the real controller.")] = 2.0,
) -> None:
    """Replay a recorded run of a real autoscaler; exit code 1 when ours goes through other numbers of replicas."""
    run = read_recorded_run(recorded)
    ours = replayed(run, sync_period_s=sync_period_s)
    numbers = tuple(replicas for _, replicas in ours)
    typer.echo(f"recorded  {' '.join(map(str, run.observed_replicas_in_order))}")
    typer.echo(f"replayed  {' '.join(map(str, numbers))}")
    typer.echo(f"at        {' '.join(f'{at_s:g}' for at_s, _ in ours)} s")
    if numbers != run.observed_replicas_in_order:
        raise typer.Exit(1)
