"""How a recipe is optimised: losses, optimiser, learning-rate schedule, length of the run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from wrinkle_train.recipe_schema.strict import Strict

__all__ = [
    "ConstantSchedule",
    "CosineSchedule",
    "LossRecipe",
    "LossTerm",
    "Schedule",
    "SgdrSchedule",
    "TrainRecipe",
    "WarmUpCosineSchedule",
]

LossTerm = Literal["bce", "dice", "focal"]


class LossRecipe(Strict):
    """What is minimised.

    Attributes:
        kind: ``pixel`` sums ``terms`` on the wrinkle logit (paper 1, Table 2); ``soft_dice`` is paper 2's eq. 3, two
            classes with softmax; ``weighted_deep_supervision`` is Kim 2023's, for ``wds_unet``.
        terms: Terms of ``pixel``; focal is weighted with ``train.focal_weight``.
        focal_reduction: ``mean`` over pixels, or eq. 2's literal ``sum``, which drowns Dice.
    """

    kind: Literal["pixel", "soft_dice", "weighted_deep_supervision"] = "pixel"
    terms: tuple[LossTerm, ...] = Field(default=("dice", "focal"), min_length=1, max_length=3)
    focal_reduction: Literal["mean", "sum"] = "mean"

    @model_validator(mode="after")
    def _terms_differ(self) -> LossRecipe:
        if len(set(self.terms)) != len(self.terms):
            raise ValueError("terms names a loss twice")
        return self


class WarmUpCosineSchedule(Strict):
    """Linear rise over ``train.warm_up_steps`` steps, then a cosine to zero at the end of the run."""

    kind: Literal["warm_up_cosine"] = "warm_up_cosine"


class ConstantSchedule(Strict):
    """The learning rate as given (paper 1)."""

    kind: Literal["constant"]


class CosineSchedule(Strict):
    """A cosine from the learning rate to ``floor`` at the end of the run (Kim 2023)."""

    kind: Literal["cosine"]
    floor: float = Field(default=0.0, ge=0)


class SgdrSchedule(Strict):
    """Cosine with warm restarts: lr(t) = peak_k / 2 (1 + cos(pi t / T_k)), T_k = first_period * period_factor^k.

    Units are epochs or steps, whichever ``train`` counts in.

    Attributes:
        first_period: T_0.
        period_factor: T_mult.
        peak_decay: peak_k = learning_rate * peak_decay^k.
    """

    kind: Literal["sgdr"]
    first_period: int = Field(ge=1)
    period_factor: int = Field(default=2, ge=1)
    peak_decay: float = Field(default=1.0, gt=0, le=1)


Schedule = Annotated[
    WarmUpCosineSchedule | ConstantSchedule | CosineSchedule | SgdrSchedule, Field(discriminator="kind")
]


class TrainRecipe(Strict):
    """Optimisation of one run, or of its pretraining stage.

    Attributes:
        steps: Length in optimiser steps; give either this or ``epochs``.
        epochs: Length in passes over the training records.
        batch_size: Pictures per optimiser step and process, taken ``accumulate`` parts at a time.
        crop_px: Side of the square the network sees in training.
        scale_range: Random zoom of rendered crops.
        learning_rate: At the schedule's first peak.
        encoder_rate_factor: The encoder's rate relative to the rest, where the encoder starts from ImageNet.
        warm_up_steps: Of ``warm_up_cosine``.
        weight_decay: AdamW decouples it, Adam adds it to the gradient.
        decay_norms_and_biases: Also decay biases and the weights of normalisation layers.
        gradient_clip: Largest gradient norm; None leaves gradients alone.
        ema_decay: Moving average of the weights, which is then evaluated and saved; None keeps none.
        focal_weight: Weight of the focal term.
        optimiser: ``adamw`` or ``adam``.
        schedule: The learning rate over time; see ``SgdrSchedule`` and its siblings.
        accumulate: Backward passes per optimiser step; divides ``batch_size``.
        validate_every: Validate each so many epochs or steps and keep the best weights by F1; None never.
        precision: ``bf16`` is autocast.
        workers: Loader processes; 0 loads in the training process.
        seed: Of weights, order and augmentation.
        checkpoint_every_s: Longest time a killed run loses.
    """

    steps: int | None = Field(default=None, ge=1)
    epochs: int | None = Field(default=None, ge=1)
    batch_size: int = Field(ge=1)
    crop_px: int = Field(ge=64, multiple_of=32)
    scale_range: tuple[float, float] = (0.75, 1.4)
    learning_rate: float = Field(default=2e-3, gt=0)
    encoder_rate_factor: float = Field(default=0.3, gt=0, le=1)
    warm_up_steps: int = Field(default=30, ge=0)
    weight_decay: float = Field(default=1e-2, ge=0)
    decay_norms_and_biases: bool = True
    gradient_clip: float | None = Field(default=1.0, gt=0)
    ema_decay: float | None = Field(default=0.995, gt=0, lt=1)
    focal_weight: float = Field(default=5.0, ge=0)
    optimiser: Literal["adamw", "adam"] = "adamw"
    schedule: Schedule = WarmUpCosineSchedule()
    accumulate: int = Field(default=1, ge=1)
    validate_every: int | None = Field(default=None, ge=1)
    precision: Literal["fp32", "bf16"] = "fp32"
    workers: int = Field(default=0, ge=0, le=16)
    seed: int = 20240901
    checkpoint_every_s: float = Field(default=120.0, gt=0)

    @model_validator(mode="after")
    def _hangs_together(self) -> TrainRecipe:
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("give either steps or epochs")
        if self.batch_size % self.accumulate:
            raise ValueError("accumulate must divide batch_size")
        if not 0 < self.scale_range[0] <= self.scale_range[1]:
            raise ValueError("scale_range must rise and lie above 0")
        if self.schedule.kind == "warm_up_cosine" and self.steps is None:
            raise ValueError("schedule warm_up_cosine counts steps: give steps")
        return self

    @property
    def length(self) -> int:
        """Return the run's length in the unit it counts in."""
        return self.steps or self.epochs or 0
