"""Each step in a process of its own on one core, for photographs of several sizes."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Final

from wrinkle_bench.photograph import portrait_jpeg
from wrinkle_bench.stages.timing import StagesTimes, pin_to_one_core, stages_times
from wrinkle_core.contract import SegmenterContract
from wrinkle_export.repository.choice import chosen_networks

__all__ = ["SIDES_PX", "STEPS_FILE", "StagesOfPhoto", "measure_stages"]

STEPS_FILE: Final = "steps.json"
SIDES_PX: Final = (1024, 3464)  # 1 and 12 megapixels


@dataclass(frozen=True, slots=True)
class StagesOfPhoto:
    """Both steps on one photograph.

    Attributes:
        segmenter: Whose steps.
        side_px: Of the photograph.
        photo_bytes: Of its file.
        times: Of its steps.
    """

    segmenter: str
    side_px: int
    photo_bytes: int
    times: StagesTimes

    @property
    def processor_ms(self) -> float:
        """Return both steps together, of the shipped network's marks."""
        return self.times.preprocess.processor_ms + self.times.threshold.processor_ms

    @property
    def processor_ms_of_many_marks(self) -> float:
        """Return both steps together, of far more marks."""
        return self.times.preprocess.processor_ms + self.times.threshold_of_many_marks.processor_ms


def measure_stages(spec: SegmenterContract, side_px: int, runs: int) -> StagesOfPhoto:
    """Time both steps around a segmenter's network."""
    photo, network = portrait_jpeg(side_px), chosen_networks(spec.name)[spec.name].main_path
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=pin_to_one_core) as one_core:
        times = one_core.submit(stages_times, spec, network, photo, runs).result()
    return StagesOfPhoto(spec.name, side_px, len(photo), times)
