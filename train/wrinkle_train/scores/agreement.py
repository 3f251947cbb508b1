"""How far annotators agree, and the label their votes make.

Source: arXiv:2408.10060 as in methods.md section 3: three annotators, a pixel is wrinkle with two votes or more;
agreement of each pair as the Jaccard index and Pearson's correlation, which on binary masks is the phi coefficient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from itertools import combinations
from math import sqrt
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from wrinkle_core.errors import ContractError
from wrinkle_train.scores.pixel_metrics import PixelCounts, count_pixels, pixel_scores

__all__ = ["Agreement", "PairAgreement", "agreement", "annotator_agreement", "majority_vote"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of two masks.

    Attributes:
        jsi: Jaccard index in [0, 1]; two empty masks agree with 1.
        pearson: Correlation in [-1, 1]; where a mask is constant and has none, 1 for equal masks and else 0.
    """

    jsi: float
    pearson: float


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """Agreement of two annotators over a set of images.

    Attributes:
        first: Number of one annotator, counted from 0.
        second: Number of the other.
        mean: Mean over the images.
    """

    first: int
    second: int
    mean: Agreement


def agreement(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> Agreement:
    """Compare two (H, W) masks in {0, 1}.

    Raises:
        ContractError: The shapes differ.
    """
    counts = count_pixels(one, other)
    return Agreement(pixel_scores(counts).iou, _phi(counts))


def annotator_agreement(annotators: Sequence[Sequence[NDArray[np.uint8]]]) -> tuple[PairAgreement, ...]:
    """Compare every pair of annotators, image by image.

    Args:
        annotators: For each annotator the (H, W) {0, 1} masks of the same images in the same order.

    Raises:
        ContractError: Fewer than two annotators, no image, or not the same images for all.
    """
    if len(annotators) < 2 or len({len(masks) for masks in annotators}) != 1 or not annotators[0]:
        raise ContractError("Agreement needs two annotators or more with a mask each of the same images.")
    pairs = []
    for first, second in combinations(range(len(annotators)), 2):
        each = [agreement(a, b) for a, b in zip(annotators[first], annotators[second], strict=True)]
        mean = Agreement(fmean(one.jsi for one in each), fmean(one.pearson for one in each))
        pairs.append(PairAgreement(first, second, mean))
    return tuple(pairs)


def majority_vote(masks: Sequence[NDArray[np.uint8]], votes: int = 2) -> NDArray[np.uint8]:
    """Return the (H, W) {0, 1} mask of the pixels that ``votes`` or more of the masks mark.

    Args:
        masks: One (H, W) {0, 1} mask per annotator.
        votes: How many must agree, from 1 to the number of masks.

    Raises:
        ContractError: The shapes differ, or ``votes`` is out of range.
    """
    if not 1 <= votes <= len(masks) or len({mask.shape for mask in masks}) != 1:
        raise ContractError(f"A vote of {votes} needs that many masks or more, all of one shape, got {len(masks)}.")
    counted = np.sum([mask != 0 for mask in masks], axis=0)
    return np.asarray(counted >= votes, np.uint8)


def _phi(counts: PixelCounts) -> float:
    tp, fp, fn, tn = astuple(counts)
    spread = sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return (tp * tn - fp * fn) / spread if spread else float(fp + fn == 0)
