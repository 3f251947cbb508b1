"""Losses of paper 1: squared-denominator Dice (eq. 1) and focal (eq. 2), on logits, with per-pixel weights.

Eq. 2 is taken as a mean: a literal sum over pixels would drown Dice four orders of magnitude over.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

__all__ = ["dice_loss", "focal_loss"]

_EPS = 1e-6


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


def focal_loss(logit: Tensor, wrinkle: Tensor, weight: Tensor, *, alpha: float = 0.75, gamma: float = 2.0) -> Tensor:
    """Return the mean focal loss; ``alpha`` weighs wrinkle pixels, shapes as in ``dice_loss``."""
    cross_entropy = F.binary_cross_entropy_with_logits(logit, wrinkle, reduction="none")
    p = torch.sigmoid(logit)
    miss = p + wrinkle - 2 * p * wrinkle  # 1 - probability of the correct class
    balance = alpha * wrinkle + (1 - alpha) * (1 - wrinkle)
    return (balance * miss.pow(gamma) * cross_entropy * weight).mean()
