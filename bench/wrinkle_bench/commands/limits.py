"""``wrinkle bench limits``."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from wrinkle_bench.ceiling.run import known_best_way
from wrinkle_bench.commands.options import Fresh, Models, Out, chosen_models, teller
from wrinkle_bench.networks.choice import Weights, bench_network
from wrinkle_bench.processor_limits.limits import INT8, LIMITS_FILE, TORCH, SegmenterLimits
from wrinkle_bench.processor_limits.run import measure_limits
from wrinkle_bench.records import Notebook
from wrinkle_bench.storage import RESULTS
from wrinkle_core.contract import SEGMENTERS, segmenter

__all__ = ["limits"]

_ALL: Final = ",".join(spec.name for spec in SEGMENTERS)


def limits(
    models: Models = _ALL,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of everything.")] = 3,
    seconds: Annotated[float, typer.Option(min=0.1, help="Of each in a turn, two inferences at least.")] = 2.0,
    out: Out = RESULTS,
    fresh: Fresh = False,
) -> None:
    """Measure this processor's peak, and how near the full-size networks come as served, in INT8 and in torch."""
    tell = teller()
    settings = {"rounds": str(rounds), "seconds": f"{seconds:g}"}
    notebook: Notebook[SegmenterLimits] = Notebook(out / LIMITS_FILE, SegmenterLimits, settings, fresh=fresh)
    for name in chosen_models(models):
        if name in notebook:
            tell(f"{name} is in {out / LIMITS_FILE} already; --fresh measures everything anew.")
            continue
        network, way = bench_network(name, Weights.FULL_SIZE), known_best_way(out, name)
        found = measure_limits(segmenter(name), network, way, rounds=rounds, seconds=seconds, tell=tell)
        notebook.add(name, found)
        tell(
            f"{name}: {found.tops(found.served):.2f} TFLOP/s, {found.of_peak(found.served):.2f} of the processor's "
            f"peak; int8 {found.over_served(INT8):.2f} times as fast; {found.served_over(TORCH):.2f} times torch"
        )
