"""``wrinkle bench smoke``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wrinkle_bench.baseline.ratios import RATIOS, Baseline, compare_ratios, read_baseline, write_baseline
from wrinkle_bench.baseline.smoke import measured_ratios
from wrinkle_bench.commands.options import Wheel, teller
from wrinkle_bench.machine import this_machine
from wrinkle_bench.perf_analyzer.installation import install_perf_analyzer
from wrinkle_bench.storage import RESULTS

__all__ = ["smoke"]


def smoke(
    baseline: Annotated[Path, typer.Option(help="Committed ratios.")] = RESULTS / "baseline.json",
    take: Annotated[bool, typer.Option("--write-baseline", help="Write the ratios instead of comparing.")] = False,
    perf_analyzer_wheel: Wheel = None,
) -> None:
    """Compare ratios of a quick measurement with committed ones; one worse by 15 % in two measurements fails."""
    tell = teller()
    program = install_perf_analyzer(from_wheel=perf_analyzer_wheel)
    if take:
        machine = this_machine()
        ratios = {name: round(ratio, 4) for name, ratio in measured_ratios(program, tell=tell).items()}
        write_baseline(baseline, Baseline(machine, {name: ratios[name] for name in RATIOS}))
        tell(f"Written to {baseline}.")
        return
    committed = read_baseline(baseline)
    moved = compare_ratios(committed, measured_ratios(program, tell=tell))
    if moved:
        tell(f"Once more, for {', '.join(each.name for each in moved)} moved …")
        first = {each.name for each in moved}
        again = compare_ratios(committed, measured_ratios(program, tell=tell))
        moved = [each for each in again if each.name in first]
    for each in moved:
        tell(str(each))
    if moved:
        raise typer.Exit(1)
    tell("No ratio moved.")
