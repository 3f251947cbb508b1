"""Adam and AdamW with a slower encoder and, when asked for, no decay on biases and normalisation layers."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from wrinkle_train.fitting.schedule import RunLength, rate_factor
from wrinkle_train.recipe_schema.optimisation import TrainRecipe

__all__ = ["optimisation"]

_BETAS = (0.9, 0.999)


def optimisation(network: nn.Module, train: TrainRecipe, length: RunLength, *, slow_encoder: bool) -> dict[str, Any]:
    """Return optimiser and schedule as Lightning takes them.

    Args:
        network: What is optimised.
        train: The recipe's section.
        length: Of the run.
        slow_encoder: The encoder starts from ImageNet: it takes ``encoder_rate_factor`` of the rate.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        slow = slow_encoder and ".encoder." in f".{name}"
        rate = train.learning_rate * (train.encoder_rate_factor if slow else 1.0)
        is_weight = parameter.ndim > 1
        decay = train.weight_decay if is_weight or train.decay_norms_and_biases else 0.0
        groups.setdefault((rate, decay), []).append(parameter)
    kind = torch.optim.AdamW if train.optimiser == "adamw" else torch.optim.Adam
    settings = [{"params": members, "lr": rate, "weight_decay": decay} for (rate, decay), members in groups.items()]
    optimiser = kind(settings, betas=_BETAS)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, rate_factor(train, length))
    return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
