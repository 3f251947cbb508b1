"""Exponential moving average of a network's weights."""

from __future__ import annotations

from typing import Final

import torch
from torch import nn

__all__ = ["move_average"]

_RAMP_STEPS: Final = 10


def move_average(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Move ``average`` towards ``network``; the first steps move it faster than ``decay`` says.

    Args:
        average: Same architecture; buffers of whole numbers are copied.
        network: After optimiser step ``step``.
        decay: Share of the old average that stays.
        step: Optimiser steps done.
    """
    decay = min(decay, step / (step + _RAMP_STEPS))
    with torch.no_grad():
        for kept, new in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
            if kept.dtype.is_floating_point:
                kept.lerp_(new, 1 - decay)
            else:
                kept.copy_(new)
