"""``wrinkle bench sweep``."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Final

import typer

from wrinkle_bench.bench_server import BenchServer, bench_server, served_on
from wrinkle_bench.commands.options import Fresh, Models, Out, Wheel, chosen_models, teller
from wrinkle_bench.networks.choice import Weights, networks_of
from wrinkle_bench.perf_analyzer.installation import install_perf_analyzer
from wrinkle_bench.records import Notebook
from wrinkle_bench.storage import RESULTS
from wrinkle_bench.sweep.plan import QUICK, Plan
from wrinkle_bench.sweep.run import SWEEP_FILE, Measured, run_sweep
from wrinkle_core.contract import SEGMENTERS, segmenter

__all__ = ["sweep"]

_ALL: Final = ",".join(spec.name for spec in SEGMENTERS)


def sweep(
    models: Models = _ALL,
    weights: Annotated[Weights, typer.Option(help="The shipped networks, or the papers' at full size.")] = (
        Weights.SHIPPED
    ),
    repository: Annotated[
        Path | None, typer.Option(help="A repository assembled before, such as one with TensorRT plans; no weights.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A few loads, to see that it works.")] = False,
    window_requests: Annotated[int, typer.Option(min=1, help="Least answers in each of a load's three windows.")] = 6,
    out: Out = RESULTS,
    fresh: Fresh = False,
    perf_analyzer_wheel: Wheel = None,
) -> None:
    """Run perf_analyzer on each ensemble and each of its steps: concurrency, protocols, image sizes."""
    tell = teller()
    program = install_perf_analyzer(from_wheel=perf_analyzer_wheel)
    served = "a repository of its own" if repository is not None else weights.value
    settings = {"weights": served, "plan": "quick" if quick else "whole", "window": str(window_requests)}
    notebook: Notebook[Measured] = Notebook(out / SWEEP_FILE, Measured, settings, fresh=fresh)
    specs = [segmenter(name) for name in chosen_models(models)]

    def serve() -> AbstractContextManager[BenchServer]:
        if repository is not None:
            return served_on(repository, bare=True, shared_memory=True)
        networks = networks_of([spec.name for spec in specs], weights)
        return bench_server({spec.name: network for spec, network in networks.items()}, bare=True, shared_memory=True)

    run_sweep(
        program,
        specs,
        serve,
        QUICK if quick else Plan(),
        notebook,
        raw=out / "raw",
        window_requests=window_requests,
        on_case=lambda done: tell(
            f"{done.case.name}: {done.seen.throughput_hz:.2f}/s, p50 {done.seen.p50_ms:.1f} ms, "
            f"p99 {done.seen.p99_ms:.1f} ms"
        ),
    )
    tell(f"Written to {Path(out, SWEEP_FILE)}; raw reports beside it in raw/.")
