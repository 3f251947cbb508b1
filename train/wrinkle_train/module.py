"""The Lightning module: losses, optimiser, schedule, and an exponential moving average of the weights."""

from __future__ import annotations

import copy
import math
from typing import Any, Final

import lightning
import torch
from torch import Tensor, nn
from torchmetrics.classification import BinaryF1Score

from wrinkle_train.dataset import Batch
from wrinkle_train.losses import dice_loss, focal_loss
from wrinkle_train.networks.deployable import Deployable, wrinkle_logit
from wrinkle_train.networks.registry import build_network
from wrinkle_train.recipe import Recipe

__all__ = ["SegmentationModule"]

_EMA_RAMP_STEPS: Final = 10


class SegmentationModule(lightning.LightningModule):
    """One training run.

    Attributes:
        network: What is optimised.
        average: Its moving average: what is evaluated and exported.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.network = build_network(recipe.network)
        self.average: Deployable = copy.deepcopy(self.network).requires_grad_(False).eval()
        self.f1 = BinaryF1Score()
        if recipe.train.precision == "bf16":
            _keep_depthwise_in_fp32(self.network)
        self.to(memory_format=torch.channels_last)

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Return squared Dice plus weighted mean focal loss."""
        train = self.recipe.train
        pixels = self.network.normalise(batch.pixels).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=train.precision == "bf16"):
            logits = self.network.network(pixels)
        logit = wrinkle_logit(logits.float())
        dice = dice_loss(logit, batch.wrinkle, batch.weight)
        loss = dice + train.focal_weight * focal_loss(logit, batch.wrinkle, batch.weight)
        self.f1.update(torch.sigmoid(logit.detach()), batch.wrinkle.int())
        self.log("loss", loss, prog_bar=True)
        self.log("dice", dice, prog_bar=True)
        return loss

    def on_train_batch_end(self, *_: Any) -> None:
        """Move the average towards the network."""
        step = self.global_step
        decay = min(self.recipe.train.ema_decay, step / (step + _EMA_RAMP_STEPS))
        with torch.no_grad():
            for kept, new in zip(self.average.state_dict().values(), self.network.state_dict().values(), strict=True):
                if kept.dtype.is_floating_point:
                    kept.lerp_(new, 1 - decay)
                else:
                    kept.copy_(new)

    def configure_optimizers(self) -> Any:
        """AdamW with a slower encoder, linear warm-up, then cosine to zero."""
        train = self.recipe.train
        encoder = [p for name, p in self.network.named_parameters() if _is_encoder(name)]
        rest = [p for name, p in self.network.named_parameters() if not _is_encoder(name)]
        groups: list[dict[str, Any]] = [{"params": rest, "lr": train.learning_rate}]
        if encoder:
            groups.append({"params": encoder, "lr": train.learning_rate * train.encoder_rate_factor})
        optimiser = torch.optim.AdamW(groups, weight_decay=train.weight_decay)

        def rate(step: int) -> float:
            if step < train.warm_up_steps:
                return (step + 1) / (train.warm_up_steps + 1)
            t = (step - train.warm_up_steps) / max(train.steps - train.warm_up_steps, 1)
            return 0.5 * (1 + math.cos(math.pi * min(t, 1.0)))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, rate)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def take_f1(self) -> float:
        """Return the pooled training F1 at 0.5 since the last call."""
        value = float(self.f1.compute())
        self.f1.reset()
        return value


def _is_encoder(name: str) -> bool:
    return ".encoder.model." in name


def _keep_depthwise_in_fp32(network: nn.Module) -> None:
    """Run depthwise convolutions outside autocast: their bfloat16 backward is several times slower on CPUs."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.groups > 1:
            module.__class__ = _Float32Conv2d


class _Float32Conv2d(nn.Conv2d):
    def forward(self, features: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            return super().forward(features.float())
