"""What happens before a recipe's own training: a task without labels, or ImageNet weights from a file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from wrinkle_train.recipe_schema.optimisation import TrainRecipe
from wrinkle_train.recipe_schema.strict import Strict

__all__ = ["PretrainingRecipe"]


class PretrainingRecipe(Strict):
    """The stage before training.

    Attributes:
        task: ``texture`` regresses the texture map from RGB (paper 2, stage 1); ``denoising`` predicts the noise
            (Brempong); ``masked`` is SimMIM on a Swin encoder; ``imagenet`` takes encoder weights from the package
            (EfficientNet-Lite0) or from the file given by --weights; ``none``.
        train: Optimisation of the stage; required by the first three, refused by the others.
        noise_sigma: Of ``denoising``, on inputs in [-1, 1].
        masked_share: Of ``masked``, in patches of 32 px.
        file_required: Of ``imagenet``: without a file, True is an error, False starts at random and notes it in the
            run record.
    """

    task: Literal["none", "texture", "denoising", "masked", "imagenet"] = "none"
    train: TrainRecipe | None = None
    noise_sigma: float = Field(default=0.2, gt=0)
    masked_share: float = Field(default=0.6, gt=0, lt=1)
    file_required: bool = True

    @property
    def is_trained(self) -> bool:
        """Return whether the stage is a training run of its own."""
        return self.task in ("texture", "denoising", "masked")

    @model_validator(mode="after")
    def _train_belongs_to_trained_tasks(self) -> PretrainingRecipe:
        if self.is_trained != (self.train is not None):
            raise ValueError(f"task {self.task} {'needs' if self.is_trained else 'takes no'} train")
        return self
