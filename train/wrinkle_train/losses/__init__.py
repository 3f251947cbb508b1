"""Losses of both papers, on logits, with per-pixel weights."""

from wrinkle_train.losses.combined import TABLE2_LOSSES, CombinedLoss
from wrinkle_train.losses.pixelwise import bce_loss, dice_loss, focal_loss
from wrinkle_train.losses.two_class import soft_dice_loss
from wrinkle_train.losses.weighted_supervision import WdsLoss, wrinkle_weight_maps

__all__ = [
    "TABLE2_LOSSES",
    "CombinedLoss",
    "WdsLoss",
    "bce_loss",
    "dice_loss",
    "focal_loss",
    "soft_dice_loss",
    "wrinkle_weight_maps",
]
