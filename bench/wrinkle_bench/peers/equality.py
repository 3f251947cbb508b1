"""Before any time counts: every peer must answer as the reference does. A fast wrong answer is worth nothing.

The reference is the whole service in one process with the network in FP32 (``core/wrinkle_core/pipeline.py``). With
random weights the largest difference of probability decides, within the limit of the precision; with trained weights
the masks' overlap. Probabilities come in steps of 1/255, so half a step on either side is allowed on top.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from wrinkle_bench.peers.peer import Peer, PeerAnswer
from wrinkle_bench.storage import compiled_cache
from wrinkle_core.contract import SegmenterContract
from wrinkle_core.errors import ContractError
from wrinkle_core.inference import OnnxSegmenter
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.parity_limits import parity_limits
from wrinkle_core.pipeline import segment_bytes
from wrinkle_core.postprocess import ThresholdOptions

__all__ = ["Agreement", "agreement", "reference_answers", "require_agreement"]

_STEP: Final = 1.0 / 255.0


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far a peer's answers are from the reference's, over all photographs.

    Attributes:
        max_difference: Largest difference of probability on any pixel.
        mean_difference: Mean over all pixels.
        mask_iou: Smallest overlap of the masks of one photograph.
    """

    max_difference: float
    mean_difference: float
    mask_iou: float


def reference_answers(onnx: Path, spec: SegmenterContract, photos: Sequence[bytes]) -> list[PeerAnswer]:
    """Return what the network's own FP32 graph finds in each photograph."""
    landmarker = FaceLandmarker()
    segmenter = OnnxSegmenter(onnx, precision="f32", cache_dir=compiled_cache())
    answers = []
    for photo in photos:
        found = segment_bytes(photo, spec, landmarker, segmenter, ThresholdOptions(probability=True))
        mask, probability = (
            cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
            for png in (found.mask_png, found.probability_png)
        )
        answers.append(PeerAnswer((mask > 0).astype(np.uint8), probability.astype(np.float32) / np.float32(255.0)))
    return answers


def agreement(peer: Peer, photos: Sequence[bytes], wanted: Sequence[PeerAnswer]) -> Agreement:
    """Compare a peer with the reference.

    Raises:
        ContractError: It gives no probability, or one of another size.
    """
    largest, means, ious = 0.0, [], []
    for photo, reference in zip(photos, wanted, strict=True):
        found = peer.infer(photo, probability=True)
        if found.probability is None or reference.probability is None or found.mask.shape != reference.mask.shape:
            raise ContractError("A peer answered without a probability, or in other pixels than the photograph's.")
        differences = np.abs(found.probability - reference.probability)
        largest = max(largest, float(differences.max()))
        means.append(float(differences.mean()))
        union = int(np.count_nonzero(found.mask | reference.mask))
        ious.append(int(np.count_nonzero(found.mask & reference.mask)) / union if union else 1.0)
    return Agreement(largest, float(np.mean(means)), min(ious))


def require_agreement(name: str, found: Agreement, limits: str, *, trained: bool) -> None:
    """Return when a peer's answers may count.

    Args:
        name: The peer.
        found: How far it is from the reference.
        limits: Its precision, as ``parity_limits`` names it.
        trained: Whether the weights are: then masks decide, else probabilities.

    Raises:
        ContractError: They may not.
    """
    allowed = parity_limits(limits)
    if trained and not found.mask_iou >= 0.99:
        raise ContractError(f"{name}: masks overlap by {found.mask_iou:.4f}, 0.99 is wanted. Nothing was timed.")
    if not trained and not found.max_difference <= allowed.max_difference + _STEP:
        raise ContractError(
            f"{name}: probabilities differ by {found.max_difference:.4f}, {allowed.max_difference:g} is allowed for "
            f"{limits}. Nothing was timed."
        )
