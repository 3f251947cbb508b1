"""Weighted deep supervision (WDS): four heads, the coarse ones weighted towards the surroundings of wrinkles.

Source: Kim et al. 2023 as their repository shows it, methods.md section 4. Own code. Assumed: the mean that fills the
zeros of a weight map is each image's own, and an image without wrinkles has a flat map.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from wrinkle_train.losses.two_class import class_probabilities, one_hot

__all__ = ["WdsLoss", "wrinkle_weight_maps"]

_EPS: Final = 1e-6
_FULL: Final = 255.0
_POOLS_PX: Final = (2, 4, 8)


class WdsLoss:
    """Plain sum of a linear soft Dice per head: unweighted on head 1, with a weighted wrinkle map on heads 2, 3, 4."""

    def __call__(self, logits: Tensor | Sequence[Tensor], wrinkle: Tensor, weight: Tensor) -> Tensor:
        """Return the loss.

        Args:
            logits: (N, 1 or 2, H, W) float32 of the four heads, finest first; a single tensor is head 1 alone.
            wrinkle: (N, H, W) float32 {0, 1}; H and W divisible by 8.
            weight: (N, H, W) float32; 0 leaves a pixel out.
        """
        if isinstance(logits, Tensor):
            return _weighted_dice(logits, wrinkle, weight)
        maps = [torch.ones_like(wrinkle), *wrinkle_weight_maps(wrinkle)]
        heads = zip(logits, maps, strict=True)
        return torch.stack([_weighted_dice(head, wrinkle, weight * counted) for head, counted in heads]).sum()


def wrinkle_weight_maps(wrinkle: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the weights of heads 2, 3 and 4, each (N, H, W) float32 in (0, 255].

    The truth, as 0 and 255, is average-pooled by 2, 4 or 8 and enlarged by nearest neighbour; zeros take the mean of
    the non-zero values, wrinkle pixels 255.

    Args:
        wrinkle: (N, H, W) float32 {0, 1}; H and W divisible by 8.
    """
    half, quarter, eighth = (_weight_map(wrinkle, pool_px) for pool_px in _POOLS_PX)
    return half, quarter, eighth


def _weight_map(wrinkle: Tensor, pool_px: int) -> Tensor:
    pooled = F.avg_pool2d(_FULL * wrinkle[:, None], pool_px)
    near = F.interpolate(pooled, scale_factor=pool_px, mode="nearest")[:, 0]
    n_near = (near > 0).sum(dim=(1, 2), keepdim=True)
    far = torch.where(n_near > 0, near.sum(dim=(1, 2), keepdim=True) / n_near.clamp(min=1), _FULL)
    filled = torch.where(near > 0, near, far)
    return torch.where(wrinkle > 0, _FULL, filled)


def _weighted_dice(logits: Tensor, wrinkle: Tensor, weight: Tensor) -> Tensor:
    """Return 1 - mean over both classes of 2 sum(w p g) / (sum(w p) + sum(w g)), sums over the whole batch."""
    p, g = class_probabilities(logits), one_hot(wrinkle)
    counted = weight[:, None]
    overlap = (counted * p * g).sum(dim=(0, 2, 3))
    total = (counted * (p + g)).sum(dim=(0, 2, 3))
    return (1 - (2 * overlap + _EPS) / (total + _EPS)).mean()
