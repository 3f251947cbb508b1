"""``wrinkle simulate-autoscaling``: its sub-commands, a file each."""

from __future__ import annotations

import typer

from wrinkle_scaling.commands.measure import measure
from wrinkle_scaling.commands.plan import plan
from wrinkle_scaling.commands.replay import replay
from wrinkle_scaling.commands.run import run
from wrinkle_scaling.commands.targets import targets

__all__ = ["app"]

app = typer.Typer(
    help="Simulate the service on Kubernetes: what its autoscaler does, and how many replicas a load needs.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
for command in (run, targets, plan, measure, replay):
    app.command()(command)
