"""The papers' scores of wrinkle masks: per image and averaged, their way, and pooled over all pixels of the set.

Source: methods.md sections 2 and 3. Both papers average per image (their F1 is not the harmonic mean of their
precision and recall); a pooled score weighs images by their wrinkles and is usually higher, so both are given. With
nothing to count in a denominator a score is 1 when there is no error of any kind, else 0: empty against empty is 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from statistics import fmean, stdev

import numpy as np
from numpy.typing import NDArray

from wrinkle_core.errors import ContractError

__all__ = ["ImageScores", "PixelCounts", "PixelScores", "SetScores", "count_pixels", "pixel_scores", "score_set"]


@dataclass(frozen=True, slots=True)
class PixelCounts:
    """How many pixels were marked rightly or wrongly.

    Attributes:
        true_positive: Wrinkle, marked.
        false_positive: No wrinkle, marked.
        false_negative: Wrinkle, not marked.
        true_negative: No wrinkle, not marked.
    """

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int


@dataclass(frozen=True, slots=True)
class PixelScores:
    """Scores in [0, 1].

    Attributes:
        accuracy: Share of pixels that are right.
        iou: Intersection over union of the wrinkle pixels: the Jaccard index, JSI.
        sensitivity: Share of wrinkle pixels that are marked: recall.
        precision: Share of marked pixels that are wrinkle.
        f1: Harmonic mean of precision and sensitivity: Dice.
        specificity: Share of other pixels that are unmarked.
    """

    accuracy: float
    iou: float
    sensitivity: float
    precision: float
    f1: float
    specificity: float


@dataclass(frozen=True, slots=True)
class ImageScores:
    """One image of a set.

    Attributes:
        name: The image's name.
        counts: Its pixels.
        scores: What follows from them.
    """

    name: str
    counts: PixelCounts
    scores: PixelScores


@dataclass(frozen=True, slots=True)
class SetScores:
    """Scores of a set of images.

    Attributes:
        images: One row per image, in the order given.
        mean: Mean of each score over the images: the papers' figures.
        deviation: Sample standard deviation of each score over the images; 0 for a single image.
        pooled: Scores of all pixels taken as one image.
    """

    images: tuple[ImageScores, ...]
    mean: PixelScores
    deviation: PixelScores
    pooled: PixelScores


def count_pixels(
    marked: NDArray[np.uint8], truth: NDArray[np.uint8], counted: NDArray[np.uint8] | None = None
) -> PixelCounts:
    """Compare two masks.

    Args:
        marked: (H, W) {0, 1}.
        truth: (H, W) {0, 1}.
        counted: (H, W) {0, 1}, such as a skin mask; 0 leaves a pixel out. None counts all.

    Raises:
        ContractError: The shapes differ, or no pixel is counted.
    """
    shapes = {marked.shape, truth.shape} | ({counted.shape} if counted is not None else set())
    if len(shapes) > 1:
        raise ContractError(f"Masks to compare must have one shape, got {' and '.join(map(str, sorted(shapes)))}.")
    kept = np.ones(truth.shape, bool) if counted is None else counted != 0
    said, is_wrinkle = (marked != 0) & kept, (truth != 0) & kept
    total, both = int(np.count_nonzero(kept)), int(np.count_nonzero(said & is_wrinkle))
    if not total:
        raise ContractError("No pixel is left to compare: the mask of counted pixels is empty.")
    n_marked, n_wrinkle = int(np.count_nonzero(said)), int(np.count_nonzero(is_wrinkle))
    return PixelCounts(both, n_marked - both, n_wrinkle - both, total - n_marked - n_wrinkle + both)


def pixel_scores(counts: PixelCounts) -> PixelScores:
    """Return the scores of one image, or of a whole set counted together."""
    tp, fp, fn, tn = astuple(counts)
    blank = float(fp + fn == 0)

    def share(part: int, whole: int) -> float:
        return part / whole if whole else blank

    return PixelScores(
        accuracy=share(tp + tn, tp + fp + fn + tn),
        iou=share(tp, tp + fp + fn),
        sensitivity=share(tp, tp + fn),
        precision=share(tp, tp + fp),
        f1=share(2 * tp, 2 * tp + fp + fn),
        specificity=share(tn, tn + fp),
    )


def score_set(names: Sequence[str], counts: Sequence[PixelCounts]) -> SetScores:
    """Score a set of images.

    Args:
        names: One per image.
        counts: One per image, same order.

    Raises:
        ContractError: There is no image, or not one name for each.
    """
    if not counts or len(names) != len(counts):
        raise ContractError(f"A set needs images with one name each, got {len(counts)} and {len(names)} names.")
    rows = tuple(ImageScores(name, one, pixel_scores(one)) for name, one in zip(names, counts, strict=True))
    columns = [[getattr(row.scores, field.name) for row in rows] for field in fields(PixelScores)]
    return SetScores(
        images=rows,
        mean=PixelScores(*(fmean(column) for column in columns)),
        deviation=PixelScores(*(stdev(column) if len(column) > 1 else 0.0 for column in columns)),
        pooled=pixel_scores(PixelCounts(*(sum(column) for column in zip(*map(astuple, counts), strict=True)))),
    )
