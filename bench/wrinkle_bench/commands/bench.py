"""``wrinkle bench``: where the time goes on this machine, and what else would take."""

from __future__ import annotations

import typer

from wrinkle_bench.commands.ceiling import ceiling
from wrinkle_bench.commands.gateway import gateway
from wrinkle_bench.commands.instances import instances
from wrinkle_bench.commands.limits import limits
from wrinkle_bench.commands.peers import peers
from wrinkle_bench.commands.prepare import prepare
from wrinkle_bench.commands.report import report
from wrinkle_bench.commands.smoke import smoke
from wrinkle_bench.commands.startup import startup
from wrinkle_bench.commands.steps import steps
from wrinkle_bench.commands.sweep import sweep
from wrinkle_bench.commands.tune import tune

__all__ = ["app"]

app = typer.Typer(
    name="bench",
    help="Measure the service on this machine; figures go to bench/results, `report` makes docs/performance.md.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

for command in (sweep, ceiling, limits, peers, steps, startup, prepare, gateway, instances, tune, smoke, report):
    app.command()(command)
