"""Each step in a process of its own on one core, for photographs of several sizes."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Final

from wrinkle_bench.photograph import portrait_jpeg
from wrinkle_bench.stages.timing import StepTimes, pin_to_one_core, step_times
from wrinkle_core.contract import SegmenterContract

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
        preprocess: From its bytes to the network's input.
        threshold: From the network's answer to mask and report.
    """

    segmenter: str
    side_px: int
    photo_bytes: int
    preprocess: StepTimes
    threshold: StepTimes

    @property
    def processor_ms(self) -> float:
        """Return both together."""
        return self.preprocess.processor_ms + self.threshold.processor_ms


def measure_stages(spec: SegmenterContract, side_px: int, runs: int) -> StagesOfPhoto:
    """Time both steps around a segmenter's network."""
    photo = portrait_jpeg(side_px)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=pin_to_one_core) as one_core:
        preprocess, threshold = one_core.submit(step_times, spec, photo, runs).result()
    return StagesOfPhoto(spec.name, side_px, len(photo), preprocess, threshold)
