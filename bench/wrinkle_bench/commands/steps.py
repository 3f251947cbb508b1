"""``wrinkle bench steps``."""

from __future__ import annotations

from typing import Annotated

import typer

from wrinkle_bench.commands.options import Fresh, Out, teller
from wrinkle_bench.records import Notebook
from wrinkle_bench.stages.run import SIDES_PX, STEPS_FILE, StagesOfPhoto, measure_stages
from wrinkle_bench.storage import RESULTS
from wrinkle_core.contract import SEGMENTERS

__all__ = ["steps"]


def steps(
    runs: Annotated[int, typer.Option(min=3, help="Timed runs of each step.")] = 40,
    out: Out = RESULTS,
    fresh: Fresh = False,
) -> None:
    """Time preprocessing and postprocessing on one core, without Triton, and show which functions take it."""
    tell = teller()
    notebook: Notebook[StagesOfPhoto] = Notebook(out / STEPS_FILE, StagesOfPhoto, {"runs": str(runs)}, fresh=fresh)
    for spec in SEGMENTERS:
        for side_px in SIDES_PX:
            case = f"{spec.name}.{side_px}px"
            if case not in notebook:
                found = measure_stages(spec, side_px, runs)
                notebook.add(case, found)
                tell(f"{case}: {found.times.preprocess.processor_ms:.1f} + {found.times.threshold.processor_ms:.1f} ms")
                for step in (found.times.preprocess, found.times.threshold):
                    for part, milliseconds in list(step.parts_ms.items())[:8]:
                        tell(f"    {step.name}: {part} {milliseconds:.2f} ms")
    tell(f"Written to {out / STEPS_FILE}.")
