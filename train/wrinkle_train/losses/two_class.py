"""The texture-map paper's soft Dice over two classes (eq. 3), background included.

Source: methods.md section 3: the equation leaves linear against squared denominator open; taken as MONAI's
``DiceLoss(softmax=True, to_onehot_y=True)``, which is linear with smoothing 1e-5. Own code only because MONAI's masked
form zeroes logits before the softmax, so that a left-out pixel still counts with probability 0.5.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

__all__ = ["class_probabilities", "one_hot", "soft_dice_loss"]

_SMOOTHING: Final = 1e-5


def soft_dice_loss(logits: Tensor, wrinkle: Tensor, weight: Tensor) -> Tensor:
    """Return 1 - 2 sum(p g) / (sum(p) + sum(g)) per image and class, averaged over both.

    Args:
        logits: (N, 1 or 2, H, W) float32.
        wrinkle: (N, H, W) float32 {0, 1}.
        weight: (N, H, W) float32; 0 leaves a pixel out.
    """
    kept = weight[:, None]
    p, g = class_probabilities(logits) * kept, one_hot(wrinkle) * kept
    overlap = (p * g).sum(dim=(2, 3))
    total = p.sum(dim=(2, 3)) + g.sum(dim=(2, 3))
    return (1 - (2 * overlap + _SMOOTHING) / (total + _SMOOTHING)).mean()


def class_probabilities(logits: Tensor) -> Tensor:
    """Map (N, 1 or 2, H, W) logits to (N, 2, H, W) probabilities of background and wrinkle."""
    if logits.shape[1] == 1:
        return torch.cat([torch.sigmoid(-logits), torch.sigmoid(logits)], dim=1)
    return torch.softmax(logits, dim=1)


def one_hot(wrinkle: Tensor) -> Tensor:
    """Map (N, H, W) {0, 1} to (N, 2, H, W): background, wrinkle."""
    return torch.stack([1 - wrinkle, wrinkle], dim=1)
