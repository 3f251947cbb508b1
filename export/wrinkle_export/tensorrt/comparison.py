"""Does a plan compute what ONNX Runtime computes from the same ONNX file?

Both get the same seeded pictures: dark lines on shaded skin, which bring trained wrinkle networks from 0 to 1, and
noise. Answers are UINT8, so differences are counted in steps of 1/255. The limits are those of the parity gate for an
FP16 plan, whatever its precision: this catches a plan that is wrong; what FP16 does to masks is for that gate to say.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray

from wrinkle_core.errors import ArtifactError
from wrinkle_core.parity_limits import parity_limits
from wrinkle_export.artifacts.manifest import ParityRecord
from wrinkle_export.graph.onnx_session import onnx_session
from wrinkle_export.tensorrt.toolkit import RunPlan

__all__ = ["MAX_STEPS", "MEAN_STEPS", "PlanDiffersError", "compare", "onnx_runtime", "seeded_pictures"]

_LIMITS: Final = parity_limits("tensorrt-fp16")
_STEPS: Final = 255

MAX_STEPS: Final = math.ceil(_STEPS * _LIMITS.max_difference)
"""Largest difference of one pixel, in steps of 1/255."""

MEAN_STEPS: Final = _STEPS * _LIMITS.mean_difference
"""Largest mean difference, in steps of 1/255. Between ONNX Runtime in FP32 and in FP16 it was at most 0.016 on the
pictures below, for five networks with random weights."""

_SEED: Final = 20240917
_LINES: Final = 8
_SKIN: Final = (195.0, 140.0)  # brightness of the first and the last channel


class PlanDiffersError(ArtifactError):
    """A plan does not compute what its ONNX file does."""


def seeded_pictures(count: int, channels: int, input_px: int) -> NDArray[np.uint8]:
    """Return (count, channels, input_px, input_px) pictures, the same ones every time; every second one is noise."""
    random = np.random.default_rng(_SEED)
    y, x = np.mgrid[0:input_px, 0:input_px].astype(np.float32) / input_px
    tones = np.linspace(*_SKIN, channels, dtype=np.float32)[:, None, None]
    pictures = np.empty((count, channels, input_px, input_px), np.uint8)
    for number in range(count):
        if number % 2:
            pictures[number] = random.integers(0, 256, pictures.shape[1:], dtype=np.uint8)
            continue
        shade = 0.1 * np.sin(2 * np.pi * (x * random.uniform(0.5, 2) + y * random.uniform(0.5, 2)))
        for _ in range(_LINES):
            centre = random.uniform(0, 1) + random.uniform(0, 0.05) * np.sin(2 * np.pi * random.uniform(0.5, 2) * x)
            width = random.uniform(0.002, 0.008)
            shade = shade - random.uniform(0.1, 0.6) * np.exp(-(((y - centre) / width) ** 2) / 2)
        grain = random.normal(0, 4, pictures.shape[1:])
        pictures[number] = np.clip(tones * (1 + shade) + grain, 0, 255).astype(np.uint8)
    return pictures


def onnx_runtime(model: onnx.ModelProto) -> RunPlan:
    """Return what runs an ONNX graph with ONNX Runtime on the CPU, picture by picture to bound its memory.

    Raises:
        ArtifactError: ONNX Runtime cannot run the graph.
    """
    answer = onnx_session(model)
    return lambda pixels: np.concatenate([answer(pixels[n : n + 1])[0] for n in range(len(pixels))])


def compare(run: RunPlan, reference: RunPlan, pictures: NDArray[np.uint8], batches: Sequence[int]) -> ParityRecord:
    """Hold a plan against the reference, once per batch size.

    Args:
        run: The plan.
        reference: ONNX Runtime on the same ONNX file.
        pictures: (N, C, S, S); as many as the largest batch.
        batches: Batch sizes; each takes the first so many pictures.

    Returns:
        Its figures are ``max_steps`` and ``mean_steps``, over all batches.

    Raises:
        PlanDiffersError: A limit is broken; the message says by how much and where.
    """
    wanted = reference(pictures)
    worst, means = 0.0, []
    for batch in batches:
        found = run(pictures[:batch])
        if found.shape != wanted[:batch].shape or found.dtype != wanted.dtype:
            raise PlanDiffersError(
                f"The plan answers {found.dtype} {found.shape} to a batch of {batch}, ONNX Runtime {wanted.dtype} "
                f"{wanted[:batch].shape}."
            )
        steps = np.abs(found.astype(np.int16) - wanted[:batch])
        if steps.max() > MAX_STEPS or steps.mean() > MEAN_STEPS:
            raise PlanDiffersError(_where(steps, found, wanted, batch))
        worst = max(worst, float(steps.max()))
        means.append(float(steps.mean()))
    return ParityRecord(
        runtime="tensorrt-against-onnxruntime",
        passed=True,
        pictures=sum(batches),
        figures={"max_steps": worst, "mean_steps": max(means)},
        limits={"max_steps": MAX_STEPS, "mean_steps": MEAN_STEPS},
        data_sha256=hashlib.sha256(pictures.tobytes()).hexdigest(),
    )


def _where(steps: NDArray[np.int16], found: NDArray[np.uint8], wanted: NDArray[np.uint8], batch: int) -> str:
    picture, row, column = (int(axis) for axis in np.unravel_index(int(steps.argmax()), steps.shape))
    beyond = float(np.mean(steps > MAX_STEPS))
    return (
        f"At batch {batch} the plan differs from ONNX Runtime by up to {steps.max()}/255 (limit {MAX_STEPS}) and "
        f"{steps.mean():.3f}/255 on average (limit {MEAN_STEPS:.3f}); {beyond:.2%} of the pixels are beyond the limit. "
        f"Worst at picture {picture}, row {row}, column {column}: plan {found[picture, row, column]}, ONNX Runtime "
        f"{wanted[picture, row, column]}. Nothing was published."
    )
