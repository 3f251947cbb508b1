"""Per-image scores of a wrinkle mask against its truth; averages are means of these, the papers' way.

A 1 px shift of a thin line costs much of its overlap, so a tolerant score stands beside the strict one: a marked
pixel within 3 px of the truth is right, a true pixel within 3 px of a mark is found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["TOLERANCE_PX", "MaskScores", "grown", "score_mask"]

TOLERANCE_PX: Final = 3


@dataclass(frozen=True, slots=True)
class MaskScores:
    """Scores in [0, 1]; empty against empty is 1.

    Attributes:
        f1: Strict, pixel against pixel.
        iou: Strict.
        precision: Strict.
        recall: Strict.
        tolerant_f1: With ``TOLERANCE_PX``.
    """

    f1: float
    iou: float
    precision: float
    recall: float
    tolerant_f1: float


def score_mask(marked: NDArray[np.uint8], truth: NDArray[np.uint8]) -> MaskScores:
    """Compare two (H, W) masks in {0, 1}."""
    both = int(np.count_nonzero(marked & truth))
    n_marked, n_truth = int(np.count_nonzero(marked)), int(np.count_nonzero(truth))
    near_truth = int(np.count_nonzero(marked & grown(truth)))
    near_mark = int(np.count_nonzero(truth & grown(marked)))
    return MaskScores(
        f1=_f1(_share(both, n_marked, n_truth), _share(both, n_truth, n_marked)),
        iou=_share(both, n_marked + n_truth - both, 0),
        precision=_share(both, n_marked, n_truth),
        recall=_share(both, n_truth, n_marked),
        tolerant_f1=_f1(_share(near_truth, n_marked, n_truth), _share(near_mark, n_truth, n_marked)),
    )


def grown(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a (H, W) mask in {0, 1} with every pixel within ``TOLERANCE_PX`` of it added."""
    side = 2 * TOLERANCE_PX + 1
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.dilate(mask, element), np.uint8)


def _share(part: int, whole: int, other: int) -> float:
    """Return part / whole; with nothing to count, 1 when the other mask is empty too."""
    return part / whole if whole else float(other == 0)


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
