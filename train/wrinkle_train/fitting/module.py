"""The Lightning modules: what one optimiser step does, and how the run is optimised and validated."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from typing import Any

import lightning
import torch
from torch import Tensor, nn
from torchmetrics.classification import BinaryF1Score

from wrinkle_train.batches.kinds import Batch
from wrinkle_train.fitting.averaging import move_average
from wrinkle_train.fitting.optimiser import optimisation
from wrinkle_train.fitting.precision import autocast, keep_depthwise_in_fp32
from wrinkle_train.fitting.schedule import RunLength
from wrinkle_train.losses import CombinedLoss, WdsLoss
from wrinkle_train.networks.deployable import Deployable, wrinkle_logit
from wrinkle_train.recipe import Recipe
from wrinkle_train.recipe_schema.optimisation import TrainRecipe

__all__ = ["SegmentationModule", "TrainedModule"]


class TrainedModule(lightning.LightningModule, ABC):
    """One run of one recipe section.

    Args:
        train: The optimisation.
        length: Of the run.
        network: As it starts.
        slow_encoder: The encoder starts from ImageNet.

    Attributes:
        last_loss: Of the latest batch, or part of a batch.
    """

    def __init__(self, train: TrainRecipe, length: RunLength, network: Deployable, *, slow_encoder: bool) -> None:
        super().__init__()
        self.settings = train
        self.length = length
        self.network = network
        self.last_loss = math.nan
        self._slow_encoder = slow_encoder

    @property
    def trained(self) -> nn.Module:
        """Return what is optimised."""
        return self.network

    @property
    def kept(self) -> Deployable:
        """Return what is evaluated and saved."""
        return self.network

    def training_step(self, numbered: tuple[int, Any], _: int) -> Tensor:
        """Return the loss of one numbered batch."""
        number, batch = numbered
        loss = self.batch_loss(number, batch)
        self.last_loss = float(loss.detach())
        self.log("loss", loss.detach(), prog_bar=True)
        return loss

    @abstractmethod
    def batch_loss(self, number: int, batch: Any) -> Tensor:
        """Return the loss of ``batch``; ``number`` is the only source of randomness."""

    def configure_optimizers(self) -> Any:
        """Return optimiser and schedule of the recipe."""
        return optimisation(self.trained, self.settings, self.length, slow_encoder=self._slow_encoder)


class SegmentationModule(TrainedModule):
    """Training on wrinkle masks.

    Args:
        recipe: The run.
        network: As it starts.
        length: Of the run.

    Attributes:
        average: Moving average of the network, None without ``ema_decay``.
        f1: Pooled training F1 at 0.5 since it was last taken.
    """

    def __init__(self, recipe: Recipe, network: Deployable, length: RunLength) -> None:
        average = copy.deepcopy(network).requires_grad_(False).eval() if recipe.train.ema_decay is not None else None
        starts_from_imagenet = recipe.pretraining.task == "imagenet" or recipe.network.starts_from_package
        super().__init__(recipe.train, length, network, slow_encoder=starts_from_imagenet)
        self.average = average
        self.loss = _loss(recipe)
        self.f1 = BinaryF1Score()
        self.f1.persistent(True)  # a resumed curve goes on to the digit
        if recipe.train.precision == "bf16":
            keep_depthwise_in_fp32(network)
        self.to(memory_format=torch.channels_last)

    @property
    def kept(self) -> Deployable:
        """Return what is evaluated and exported: the average when there is one."""
        return self.average or self.network

    def batch_loss(self, number: int, batch: Batch) -> Tensor:
        """Return the recipe's loss."""
        pixels = self.network.normalise(batch.pixels).contiguous(memory_format=torch.channels_last)
        with autocast(self.device, self.settings.precision):
            answer = self.network.network(pixels)
        heads = [head.float() for head in answer] if isinstance(answer, list) else [answer.float()]
        self.f1.update(torch.sigmoid(wrinkle_logit(heads[0]).detach()), batch.wrinkle.int())
        loss: Tensor = self.loss(heads if len(heads) > 1 else heads[0], batch.wrinkle, batch.weight)
        return loss

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Take an optimiser step, then move the average towards the network."""
        super().optimizer_step(*args, **kwargs)
        if self.average is not None and self.settings.ema_decay is not None:
            move_average(self.average, self.network, self.settings.ema_decay, self.global_step + 1)

    def take_f1(self) -> float:
        """Return the pooled training F1 at 0.5 since the last call."""
        value = float(self.f1.compute())
        self.f1.reset()
        return value


def _loss(recipe: Recipe) -> CombinedLoss | WdsLoss:
    if recipe.loss.kind == "weighted_deep_supervision":
        return WdsLoss()
    if recipe.loss.kind == "soft_dice":
        return CombinedLoss({"soft_dice": 1.0})
    weights = {term: recipe.train.focal_weight if term == "focal" else 1.0 for term in recipe.loss.terms}
    return CombinedLoss(
        {term: weight for term, weight in weights.items() if weight > 0}, focal_reduction=recipe.loss.focal_reduction
    )
