"""``wrinkle bench instances``."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from wrinkle_bench.commands.options import Fresh, Out, Wheel, teller
from wrinkle_bench.deployments.measure import INSTANCES_FILE, Choice, MeasuredChoice, measurer
from wrinkle_bench.networks.choice import Weights
from wrinkle_bench.perf_analyzer.installation import install_perf_analyzer
from wrinkle_bench.records import Notebook
from wrinkle_bench.storage import RESULTS
from wrinkle_core.contract import SEGMENTERS

__all__ = ["instances"]


def instances(
    model: Annotated[str, typer.Option(help="The segmenter.")] = SEGMENTERS[0].name,
    weights: Annotated[Weights, typer.Option(help="The shipped network, or the paper's at full size.")] = (
        Weights.SHIPPED
    ),
    concurrency: Annotated[int, typer.Option(min=1, help="Requests in flight.")] = 8,
    out: Out = RESULTS,
    fresh: Fresh = False,
    perf_analyzer_wheel: Wheel = None,
) -> None:
    """Measure one ensemble with 1, 2 and 4 processes per step, and with two copies of the network."""
    tell = teller()
    settings = {"model": model, "weights": weights.value, "concurrency": str(concurrency)}
    notebook: Notebook[MeasuredChoice] = Notebook(out / INSTANCES_FILE, MeasuredChoice, settings, fresh=fresh)
    measured = measurer(install_perf_analyzer(from_wheel=perf_analyzer_wheel), model, weights, concurrency)
    share = max(1, len(os.sched_getaffinity(0)) // 2)
    choices = [Choice(instances=count) for count in (1, 2, 4)] + [Choice().in_copies(2, share)]
    for choice in choices:
        if choice.name not in notebook:
            found = measured(choice)
            notebook.add(choice.name, found)
            tell(f"{choice.name}: {found.seen.throughput_hz:.2f}/s, p99 {found.seen.p99_ms:.0f} ms")
