"""Running a sweep on a server of its own and writing it down case by case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wrinkle_bench.bench_server import BenchServer
from wrinkle_bench.perf_analyzer.installation import PerfAnalyzer
from wrinkle_bench.perf_analyzer.measurement import Measurement
from wrinkle_bench.perf_analyzer.run import measure
from wrinkle_bench.photograph import portrait_jpeg
from wrinkle_bench.records import Notebook
from wrinkle_bench.sweep.inputs import ModelInputs, composing_inputs, photo_input
from wrinkle_bench.sweep.plan import Case, Plan, sweep_cases
from wrinkle_core.contract import SegmenterContract, model

__all__ = ["SWEEP_FILE", "Measured", "run_sweep"]

SWEEP_FILE: Final = "sweep.json"


@dataclass(frozen=True, slots=True)
class Measured:
    """A case and what was seen."""

    case: Case
    seen: Measurement


def run_sweep(
    program: PerfAnalyzer,
    specs: Sequence[SegmenterContract],
    serve: Callable[[], AbstractContextManager[BenchServer]],
    plan: Plan,
    notebook: Notebook[Measured],
    *,
    raw: Path,
    window_requests: int,
    on_case: Callable[[Measured], None],
) -> None:
    """Measure every case that the notebook lacks.

    Args:
        program: ``perf_analyzer``.
        specs: Segmenters of the server, all served at once.
        serve: Starts the server when a case is missing.
        plan: How far to go.
        notebook: Where the figures go.
        raw: Folder for the program's own reports.
        window_requests: Least number of answers in each window of a case.
        on_case: Called with each case when it is done.

    Raises:
        ServingError: The server did not start, or failed.
    """
    missing = [case for spec in specs for case in sweep_cases(spec, plan) if case.name not in notebook]
    if not missing:
        return
    raw.mkdir(parents=True, exist_ok=True)
    with serve() as server:
        for spec in specs:
            own = [case for case in missing if case.segmenter == spec.name]
            for case, tensors in _with_inputs(server, spec, own):
                load = case.load(window_requests)
                seen = measure(program, server.running, load, tensors, csv_path=raw / f"{case.name}.csv")
                done = Measured(case, seen)
                notebook.add(case.name, done)
                on_case(done)


def _with_inputs(server: BenchServer, spec: SegmenterContract, cases: Sequence[Case]) -> list[tuple[Case, ModelInputs]]:
    photos = {side: portrait_jpeg(side) for side in {case.side_px for case in cases}}
    steps = {
        side: composing_inputs(server.running, spec, photo)
        for side, photo in photos.items()
        if any(case.side_px == side and model(case.model_name).kind != "ensemble" for case in cases)
    }
    return [
        (
            case,
            photo_input(photos[case.side_px])
            if model(case.model_name).kind == "ensemble"
            else steps[case.side_px][case.model_name],
        )
        for case in cases
    ]
