"""``wrinkle bench tune``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from wrinkle_bench.commands.options import Fresh, Out, Wheel, teller
from wrinkle_bench.deployments.measure import TUNE_FILE, Choice, MeasuredChoice, measurer
from wrinkle_bench.deployments.search import best_choice
from wrinkle_bench.deployments.values_file import values_text, write_values
from wrinkle_bench.networks.choice import Weights
from wrinkle_bench.perf_analyzer.installation import install_perf_analyzer
from wrinkle_bench.records import Notebook
from wrinkle_bench.storage import RESULTS
from wrinkle_core.contract import SEGMENTERS

__all__ = ["tune"]


def tune(
    model: Annotated[str, typer.Option(help="The segmenter.")] = SEGMENTERS[0].name,
    weights: Annotated[Weights, typer.Option(help="The shipped network, or the paper's at full size.")] = (
        Weights.SHIPPED
    ),
    concurrency: Annotated[int, typer.Option(min=1, help="Requests in flight.")] = 8,
    max_p99_ms: Annotated[float | None, typer.Option(min=1, help="Latency to keep, 99th percentile.")] = None,
    values: Annotated[Path, typer.Option(help="Values file for the chart.")] = Path("values-tuned.yaml"),
    out: Out = RESULTS,
    fresh: Fresh = False,
    perf_analyzer_wheel: Wheel = None,
) -> None:
    """Search instances, threads, batch size and queue delay for this machine; write a values file for the chart."""
    tell = teller()
    settings = {"model": model, "weights": weights.value, "concurrency": str(concurrency)}
    notebook: Notebook[MeasuredChoice] = Notebook(out / TUNE_FILE, MeasuredChoice, settings, fresh=fresh)
    measure = measurer(install_perf_analyzer(from_wheel=perf_analyzer_wheel), model, weights, concurrency)

    def measured(choice: Choice) -> MeasuredChoice:
        if choice.name not in notebook:
            notebook.add(choice.name, measure(choice))
            seen = notebook.record.cases[choice.name].seen
            tell(f"{choice.name}: {seen.throughput_hz:.2f}/s, p99 {seen.p99_ms:.0f} ms")
        return notebook.record.cases[choice.name]

    best = best_choice(measured, cores=len(os.sched_getaffinity(0)), max_p99_ms=max_p99_ms)
    write_values(values, values_text(best, notebook.record.machine, model))
    tell(f"Best: {best.choice.name}. Written to {values}.")
