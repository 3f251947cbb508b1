"""Weighted sums of losses by name: every combination of the UNet++ paper's Table 2, and soft Dice.

A network with deep supervision answers with several logits; each term is then the mean over them (methods.md
section 2: the paper gives no weights).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch import Tensor

from wrinkle_core.errors import InvalidParameterError
from wrinkle_train.losses.pixelwise import bce_loss, dice_loss, focal_loss
from wrinkle_train.losses.two_class import soft_dice_loss
from wrinkle_train.networks.deployable import wrinkle_logit

__all__ = ["LOSS_TERMS", "TABLE2_LOSSES", "CombinedLoss", "LossTerm"]

LOSS_TERMS: Final = ("bce", "dice", "focal", "soft_dice")
TABLE2_LOSSES: Final = ("bce", "dice", "focal", "bce+focal", "bce+dice", "dice+focal", "bce+dice+focal")


@dataclass(frozen=True, slots=True)
class LossTerm:
    """One term of a combined loss.

    Attributes:
        name: One of ``LOSS_TERMS``.
        weight: What it counts in the sum, > 0.
    """

    name: str
    weight: float


class CombinedLoss:
    """A weighted sum of named losses.

    Args:
        weights: Weight by name; every name is one of ``LOSS_TERMS``: ``bce``, ``dice`` (eq. 1), ``focal`` (eq. 2),
            ``soft_dice`` (two classes, the texture-map paper's eq. 3).
        focal_reduction: ``mean``, or the literal ``sum`` of eq. 2.

    Attributes:
        terms: What is summed.

    Raises:
        InvalidParameterError: A name is unknown, a weight is not positive, or there is none.
    """

    def __init__(self, weights: Mapping[str, float], *, focal_reduction: Literal["mean", "sum"] = "mean") -> None:
        wrong = [name for name, weight in weights.items() if name not in LOSS_TERMS or not weight > 0]
        if wrong or not weights:
            raise InvalidParameterError(
                f"A loss sums {', '.join(LOSS_TERMS)} with positive weights, got {dict(weights)}."
            )
        self.terms = tuple(LossTerm(name, weight) for name, weight in weights.items())
        self._focal_reduction: Literal["mean", "sum"] = focal_reduction

    @classmethod
    def from_name(cls, name: str, *, focal_reduction: Literal["mean", "sum"] = "mean") -> CombinedLoss:
        """Return the sum, weights 1, that a name such as ``dice+focal`` writes out.

        Raises:
            InvalidParameterError: A term is unknown or named twice.
        """
        names = name.split("+")
        if len(set(names)) < len(names):
            raise InvalidParameterError(f"The loss {name!r} names a term twice.")
        return cls(dict.fromkeys(names, 1.0), focal_reduction=focal_reduction)

    def __call__(self, logits: Tensor | Sequence[Tensor], wrinkle: Tensor, weight: Tensor) -> Tensor:
        """Return the loss.

        Args:
            logits: (N, 1 or 2, H, W) float32, or one such per head.
            wrinkle: (N, H, W) float32 {0, 1}.
            weight: (N, H, W) float32; 0 leaves a pixel out.
        """
        parts = self.parts(logits, wrinkle, weight)
        return torch.stack([term.weight * part for term, part in zip(self.terms, parts, strict=True)]).sum()

    def parts(self, logits: Tensor | Sequence[Tensor], wrinkle: Tensor, weight: Tensor) -> tuple[Tensor, ...]:
        """Return each of ``terms`` before weighting, means over the heads."""
        heads = [logits] if isinstance(logits, Tensor) else logits
        return tuple(
            torch.stack([self._term(term.name, head, wrinkle, weight) for head in heads]).mean() for term in self.terms
        )

    def _term(self, name: str, logits: Tensor, wrinkle: Tensor, weight: Tensor) -> Tensor:
        if name == "soft_dice":
            return soft_dice_loss(logits, wrinkle, weight)
        logit = wrinkle_logit(logits)
        if name == "focal":
            return focal_loss(logit, wrinkle, weight, reduction=self._focal_reduction)
        return (bce_loss if name == "bce" else dice_loss)(logit, wrinkle, weight)
