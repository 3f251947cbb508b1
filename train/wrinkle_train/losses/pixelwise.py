"""Losses of the UNet++ paper on one logit: squared-denominator Dice (eq. 1), focal (eq. 2), cross-entropy.

Source: methods.md section 2. Eq. 2 is taken as a mean by default: a literal sum over the pixels of a 512 x 512 image
is five orders of magnitude larger and would drown Dice beside it.
"""

from __future__ import annotations

from typing import Final, Literal

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

__all__ = ["bce_loss", "dice_loss", "focal_loss"]

_EPS: Final = 1e-6


def dice_loss(logit: Tensor, wrinkle: Tensor, weight: Tensor) -> Tensor:
    """Return 1 - 2 sum(pq) / (sum(p^2) + sum(q^2)) per image, averaged over the batch.

    Args:
        logit: (N, H, W) float32.
        wrinkle: (N, H, W) float32 {0, 1}.
        weight: (N, H, W) float32; 0 leaves a pixel out.
    """
    p, q = torch.sigmoid(logit) * weight, wrinkle * weight
    overlap = (p * q).sum(dim=(1, 2))
    norms = p.square().sum(dim=(1, 2)) + q.square().sum(dim=(1, 2))
    return (1 - (2 * overlap + _EPS) / (norms + _EPS)).mean()


def focal_loss(
    logit: Tensor,
    wrinkle: Tensor,
    weight: Tensor,
    *,
    alpha: float = 0.75,
    gamma: float = 2.0,
    reduction: Literal["mean", "sum"] = "mean",
) -> Tensor:
    """Return the focal loss; shapes as in ``dice_loss``.

    Args:
        logit: As in ``dice_loss``.
        wrinkle: As in ``dice_loss``.
        weight: As in ``dice_loss``.
        alpha: Weight of wrinkle pixels; others have 1 - alpha.
        gamma: How much less a pixel counts that is nearly right.
        reduction: ``mean`` over all pixels, or eq. 2's literal ``sum`` over each image's pixels, averaged over images.
    """
    cross_entropy = F.binary_cross_entropy_with_logits(logit, wrinkle, reduction="none")
    p = torch.sigmoid(logit)
    miss = p + wrinkle - 2 * p * wrinkle  # 1 - probability of the correct class
    balance = alpha * wrinkle + (1 - alpha) * (1 - wrinkle)
    terms = balance * miss.pow(gamma) * cross_entropy * weight
    return terms.mean() if reduction == "mean" else terms.sum(dim=(1, 2)).mean()


def bce_loss(logit: Tensor, wrinkle: Tensor, weight: Tensor) -> Tensor:
    """Return the mean cross-entropy over all pixels, classes unweighted; shapes as in ``dice_loss``."""
    return (F.binary_cross_entropy_with_logits(logit, wrinkle, reduction="none") * weight).mean()
