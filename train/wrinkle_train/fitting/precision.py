"""bfloat16 autocast, with depthwise convolutions kept in float32: their bfloat16 backward is slow on CPUs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["autocast", "keep_depthwise_in_fp32"]


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Return the context a network runs in; float32 switches autocast off."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def keep_depthwise_in_fp32(network: nn.Module) -> None:
    """Run depthwise convolutions outside autocast; a subclass of ``Conv2d`` has a way of its own and keeps it."""
    for module in network.modules():
        if type(module) is nn.Conv2d and module.groups == module.in_channels > 1:
            module.__class__ = _Float32Conv2d


class _Float32Conv2d(nn.Conv2d):
    def forward(self, features: Tensor) -> Tensor:
        with torch.autocast(features.device.type, enabled=False):
            return super().forward(features.float())
