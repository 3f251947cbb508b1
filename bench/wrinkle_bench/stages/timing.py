"""Where the time of preprocess and threshold goes, on one core, without Triton.

Whole steps are timed bare. The split comes from a profile of the very same calls, so no stage is called in any other
way than the service calls it; the profiler's own cost makes the parts of a step sum to a little more than the step.
"""

from __future__ import annotations

import cProfile
import os
import pstats
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.contract import SegmenterContract
from wrinkle_core.geometry import Geometry
from wrinkle_core.heap import keep_freed_memory
from wrinkle_core.inference import OnnxSegmenter
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.postprocess import Answer, ThresholdOptions, postprocess
from wrinkle_core.preprocess import Prepared, prepare_encoded

__all__ = ["StagesTimes", "StepTimes", "pin_to_one_core", "stages_times"]

_WARM_UP_RUNS: Final = 5
_SMALLEST_PART_MS: Final = 0.05
_LEVELS_PER_DARKNESS: Final = 10.0


@dataclass(frozen=True, slots=True)
class StepTimes:
    """One step of the service on one core.

    Attributes:
        name: ``preprocess`` or ``threshold``.
        wall_ms: Median of the whole step.
        processor_ms: Median processor time of the same: what the step takes when nothing else wants the core.
        parts_ms: Mean processor time of each function the step calls, by ``caller > callee``, dearest first.
    """

    name: str
    wall_ms: float
    processor_ms: float
    parts_ms: dict[str, float]


@dataclass(frozen=True, slots=True)
class StagesTimes:
    """What comes before and after a network.

    Attributes:
        preprocess: From the photograph's bytes to the network's input.
        threshold: From the shipped network's answer to mask and report.
        threshold_of_many_marks: The same from a filter that marks far more.
        marked: Share of the skin that the shipped network marks, and the filter.
    """

    preprocess: StepTimes
    threshold: StepTimes
    threshold_of_many_marks: StepTimes
    marked: tuple[float, float]


def pin_to_one_core() -> None:
    """Keep this process, and the threads it will make, on one core, and set it up as a step of the service."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)
    keep_freed_memory()


def stages_times(spec: SegmenterContract, network: Path, photo: bytes, runs: int) -> StagesTimes:
    """Time both steps around ``spec``'s network; after it also with far more marks, for it costs more to measure them.

    Args:
        spec: The segmenter.
        network: Its ONNX file or IR.
        photo: Encoded photograph with a face.
        runs: Timed runs per step.
    """
    landmarker = FaceLandmarker(threads=1)

    def preprocess() -> Prepared:
        prepared = prepare_encoded(photo, spec, landmarker)
        prepared.geometry.pack()
        return prepared

    prepared = preprocess()
    packed, network_input = prepared.geometry.pack(), prepared.network_input
    answers = (OnnxSegmenter(network, threads=1).infer(network_input), _dark_lines(network_input))
    cutoff, skin = 255 * spec.default_threshold, network_input[0].any(axis=0)
    times, marked = [], []
    for probability in answers:

        def threshold(probability: NDArray[np.uint8] = probability) -> Answer:
            return postprocess(probability, network_input, Geometry.unpack(packed), ThresholdOptions())

        times.append(_timed("threshold", threshold, runs))
        marked.append(float((probability[0][skin] >= cutoff).mean()))
    return StagesTimes(_timed("preprocess", preprocess, runs), times[0], times[1], (marked[0], marked[1]))


def _dark_lines(network_input: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (1, S, S), high where a pixel is darker than its surroundings: more marks than any face has."""
    red = network_input[0, 0].astype(np.float32)
    darkness = cv2.GaussianBlur(red, (0, 0), 4.0) - red
    probability: NDArray[np.uint8] = np.clip(darkness * _LEVELS_PER_DARKNESS, 0, 255).astype(np.uint8)
    return probability[np.newaxis]


def _timed(name: str, step: Callable[[], object], runs: int) -> StepTimes:
    for _ in range(_WARM_UP_RUNS):
        step()
    wall_s, processor_s = zip(*(_seconds(step) for _ in range(runs)), strict=True)
    profile = cProfile.Profile(time.process_time)
    with profile:
        for _ in range(runs):
            step()
    parts_ms = _parts(pstats.Stats(profile), step.__name__, runs)
    return StepTimes(name, median(wall_s) * 1e3, median(processor_s) * 1e3, parts_ms)


def _seconds(step: Callable[[], object]) -> tuple[float, float]:
    """Return wall time and processor time of one run."""
    wall, processor = time.perf_counter(), time.process_time()
    step()
    return time.perf_counter() - wall, time.process_time() - processor


def _parts(stats: pstats.Stats, root: str, runs: int) -> dict[str, float]:
    """Return the mean time of what ``root`` calls, and of what the package's own functions among these call."""
    table = getattr(stats, "stats")  # noqa: B009  (typeshed does not know it)
    parts: dict[str, float] = {}
    level, found = {root}, {root}
    for _ in range(3):
        below: set[str] = set()
        for (file, _, name), (*_, callers) in table.items():
            for (_, _, caller), (*_, cumulative_s) in callers.items():
                milliseconds = cumulative_s / runs * 1e3
                if caller in level and name not in found and milliseconds >= _SMALLEST_PART_MS:
                    parts[f"{caller} > {_short(name)}"] = milliseconds
                    if "wrinkle_core" in file:
                        below.add(name)
        found |= below
        level = below
    return dict(sorted(parts.items(), key=lambda part: -part[1]))


def _short(name: str) -> str:
    """Return a builtin's name without the profiler's wrapping, as ``<method 'ravel' of 'numpy.ndarray' objects>``."""
    return name.strip("<>").removeprefix("built-in method ").removeprefix("method ")
