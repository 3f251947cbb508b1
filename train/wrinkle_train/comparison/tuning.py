"""Choosing a comparison system's one threshold on rendered validation photographs, never on the evaluation set."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Final

from wrinkle_core.errors import ContractError, NoFaceError
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_train.comparison.registry import ComparisonSystem
from wrinkle_train.comparison.serving import MASK_CUT, served
from wrinkle_train.metrics import score_mask
from wrinkle_train.scores.validation_set import RenderedPhoto
from wrinkle_train.served import cut

__all__ = ["TUNING_PHOTOS", "best", "tune"]

TUNING_PHOTOS: Final = 12
"""The recorded thresholds were chosen on the first so many of ``validation_set.validation_photos``."""


def tune(system: ComparisonSystem, photos: Sequence[RenderedPhoto], landmarker: FaceLandmarker) -> dict[float, float]:
    """Return the mean strict F1 of every threshold the system may take.

    A photograph whose face is not found again after rendering is left out.

    Raises:
        ContractError: No photograph shows a face.
    """
    curve = {}
    for threshold in system.threshold_choices:
        segmenter = served(system, landmarker, threshold=threshold)
        scores = []
        for photo in photos:
            try:
                found = segmenter.probability(photo.jpeg)
            except NoFaceError:
                continue
            scores.append(score_mask(cut(found, MASK_CUT), photo.truth).f1)
        if not scores:
            raise ContractError("No validation photograph shows a face; thresholds cannot be chosen.")
        curve[threshold] = fmean(scores)
    return curve


def best(curve: dict[float, float]) -> float:
    """Return the threshold with the best mean F1, the highest one of equals."""
    return max(curve, key=lambda threshold: (curve[threshold], threshold))
