"""How far two answers to the same photographs lie apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.errors import ArtifactError
from wrinkle_core.parity_limits import ParityLimits
from wrinkle_core.postprocess import ThresholdOptions, postprocess
from wrinkle_export.parity.pictures import Picture
from wrinkle_export.parity.runners import Answer
from wrinkle_train.metrics import score_mask

__all__ = [
    "Comparison",
    "InPhotograph",
    "PictureDifference",
    "compare",
    "difference",
    "difference_in_photograph",
    "in_photograph",
]

_HALF_LEVEL = 0.5 / 255.0


@dataclass(frozen=True, slots=True, eq=False)
class InPhotograph:
    """An answer in the photograph's pixels.

    Attributes:
        mask: (H, W) uint8 {0, 1}.
        levels: (H, W) uint8, probability times 255.
    """

    mask: NDArray[np.uint8]
    levels: NDArray[np.uint8]

    @classmethod
    def decoded(cls, mask_png: bytes, probability_png: bytes) -> InPhotograph:
        """Read the PNGs of an answer.

        Raises:
            ArtifactError: One is no PNG.
        """
        mask, levels = (
            cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE) if png else None
            for png in (mask_png, probability_png)
        )
        if mask is None or levels is None:
            raise ArtifactError("The answer holds no PNG of a mask or of a probability.")
        return cls((np.asarray(mask) > 0).astype(np.uint8), np.asarray(levels, np.uint8))


@dataclass(frozen=True, slots=True)
class PictureDifference:
    """One photograph.

    Attributes:
        name: Of the photograph.
        max_difference: Of probability; 1 where the candidate's is not finite.
        mean_difference: Of probability.
        max_level_difference: Of the served uint8 output, in levels.
        mask_iou: Between the masks in the photograph's pixels; None where masks mean nothing (random weights).
        mask_dice: Likewise.
        reference_f1: Strict, of the reference's mask; None without a label.
        f1: Likewise, of the candidate's.
    """

    name: str
    max_difference: float
    mean_difference: float
    max_level_difference: int
    mask_iou: float | None
    mask_dice: float | None
    reference_f1: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All photographs, held against limits.

    Attributes:
        runtime: Key of the limits.
        pictures: One entry each.
        figures: By name; means over photographs, but the largest difference.
        limits: By the same names; a figure without a limit is only told.
    """

    runtime: str
    pictures: tuple[PictureDifference, ...]
    figures: dict[str, float]
    limits: dict[str, float]

    @property
    def broken(self) -> tuple[str, ...]:
        """Return the names of the figures that break their limit."""
        return tuple(name for name, limit in self.limits.items() if not _is_kept(name, self.figures[name], limit))

    @property
    def passed(self) -> bool:
        """Return whether every limit was kept."""
        return not self.broken

    def worst(self, count: int) -> tuple[str, ...]:
        """Return the names of the photographs that differ most, worst first."""

        def badness(one: PictureDifference) -> tuple[float, float]:
            unlike = 0.0 if one.mask_iou is None else 1.0 - one.mask_iou
            return unlike, one.max_difference

        return tuple(one.name for one in sorted(self.pictures, key=badness, reverse=True)[:count])


def in_photograph(picture: Picture, levels: NDArray[np.uint8]) -> InPhotograph:
    """Return what the service makes of a network's answer at the default threshold.

    Args:
        picture: The photograph.
        levels: (1, S, S) uint8.
    """
    answer = postprocess(levels, picture.network_input, picture.geometry, ThresholdOptions(probability=True))
    return InPhotograph.decoded(answer.mask_png, answer.probability_png)


def difference(picture: Picture, reference: Answer, candidate: Answer, *, masks: bool) -> PictureDifference:
    """Compare two answers to one photograph.

    Args:
        picture: The photograph.
        reference: From PyTorch.
        candidate: From the artifact.
        masks: Whether thresholded masks mean anything; not so for random weights.

    Raises:
        ArtifactError: The shapes differ.
    """
    if candidate.levels.shape != reference.levels.shape:
        raise ArtifactError(f"The answer has shape {candidate.levels.shape}, PyTorch's {reference.levels.shape}.")
    if not masks:
        return _difference(picture, reference, candidate, None)
    wanted, found = in_photograph(picture, reference.levels), in_photograph(picture, candidate.levels)
    return _difference(picture, reference, candidate, (wanted.mask, found.mask))


def difference_in_photograph(picture: Picture, reference: InPhotograph, candidate: InPhotograph) -> PictureDifference:
    """Compare what the service answers for one photograph, in its own pixels.

    Raises:
        ArtifactError: The sizes differ.
    """
    if candidate.levels.shape != reference.levels.shape or candidate.mask.shape != reference.mask.shape:
        raise ArtifactError(f"The answer has {candidate.mask.shape} pixels, the photograph {reference.mask.shape}.")
    wanted, found = (Answer.of(one.levels[np.newaxis], None) for one in (reference, candidate))
    return _difference(picture, wanted, found, (reference.mask, candidate.mask))


def compare(runtime: str, pictures: Sequence[PictureDifference], limits: ParityLimits, *, is_exact: bool) -> Comparison:
    """Hold differences against limits.

    Args:
        runtime: Key of the limits.
        pictures: At least one.
        limits: What is allowed.
        is_exact: Whether probabilities are from before rounding; otherwise half a level more is allowed.
    """
    slack = 0.0 if is_exact else _HALF_LEVEL
    largest = limits.max_difference + slack
    figures = {
        "max_difference": max(one.max_difference for one in pictures),
        "mean_difference": fmean(one.mean_difference for one in pictures),
        "max_level_difference": float(max(one.max_level_difference for one in pictures)),
    }
    allowed = {
        "max_difference": largest,
        "mean_difference": limits.mean_difference + slack,
        "max_level_difference": float(np.ceil(255.0 * largest)),
    }
    ious = [one.mask_iou for one in pictures if one.mask_iou is not None]
    if ious:
        figures |= {
            "mask_iou": fmean(ious),
            "mask_iou_worst": min(ious),
            "mask_dice": fmean(one.mask_dice for one in pictures if one.mask_dice is not None),
        }
        allowed["mask_iou"] = limits.mask_iou_over(len(ious))
    before = [one.reference_f1 for one in pictures if one.reference_f1 is not None]
    if before:
        f1 = fmean(one.f1 for one in pictures if one.f1 is not None)
        figures |= {"reference_f1": fmean(before), "f1": f1, "f1_drop": fmean(before) - f1}
        allowed["f1_drop"] = limits.max_f1_drop
    return Comparison(runtime, tuple(pictures), figures, allowed)


def _difference(
    picture: Picture,
    reference: Answer,
    candidate: Answer,
    masks: tuple[NDArray[np.uint8], NDArray[np.uint8]] | None,
) -> PictureDifference:
    apart = np.abs(candidate.probability.astype(np.float64) - reference.probability)
    apart = np.nan_to_num(apart, nan=1.0, posinf=1.0)  # what is no probability is as wrong as can be
    levels_apart = np.abs(candidate.levels.astype(np.int16) - reference.levels)
    iou = dice = before = after = None
    if masks is not None:
        wanted, found = masks
        agreement = score_mask(found, wanted)
        iou, dice = agreement.iou, agreement.f1  # Dice is the F1 of one mask against the other
        if picture.truth is not None:
            before, after = score_mask(wanted, picture.truth).f1, score_mask(found, picture.truth).f1
    return PictureDifference(
        name=picture.name,
        max_difference=float(apart.max()),
        mean_difference=float(apart.mean()),
        max_level_difference=int(levels_apart.max()),
        mask_iou=iou,
        mask_dice=dice,
        reference_f1=before,
        f1=after,
    )


def _is_kept(name: str, figure: float, limit: float) -> bool:
    return figure >= limit if name == "mask_iou" else figure <= limit
