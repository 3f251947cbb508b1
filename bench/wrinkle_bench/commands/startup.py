"""``wrinkle bench startup``."""

from __future__ import annotations

from typing import Annotated

import typer

from wrinkle_bench.commands.options import Fresh, Out, teller
from wrinkle_bench.records import Notebook
from wrinkle_bench.starting import STARTUP_FILE, Startup, measure_startup
from wrinkle_bench.storage import RESULTS
from wrinkle_core.contract import SEGMENTERS

__all__ = ["startup"]


def startup(
    runs: Annotated[int, typer.Option(min=1, help="Starts.")] = 3, out: Out = RESULTS, fresh: Fresh = False
) -> None:
    """Time `wrinkle serve` from the command to the first answers, the shipped networks compiled before."""
    tell = teller()
    notebook: Notebook[Startup] = Notebook(out / STARTUP_FILE, Startup, {"runs": str(runs)}, fresh=fresh)
    names = tuple(spec.name for spec in SEGMENTERS)
    for served in (names, *((name,) for name in names)):
        case = "+".join(served)
        if case not in notebook:
            found = measure_startup(served, runs)
            notebook.add(case, found)
            tell(f"{case}: {', '.join(f'{each:.1f}' for each in found.ready_after_s)} s")
