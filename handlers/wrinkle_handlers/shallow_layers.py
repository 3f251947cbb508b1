"""The shallow layers of a torch network keep float32 when the rest runs in bfloat16.

The same rule as in the IR that Triton's CPU step runs, and for the same reason; see wrinkle_export.openvino_ir and
docs/adr/009-bf16-keeps-its-shallow-layers-in-fp32.md. Autocast rounds the inputs of convolutions and matrix products,
so those are what is kept out of it.
"""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from wrinkle_export.openvino_ir.shallow_layers import ENOUGH

__all__ = ["keep_shallow_layers_in_fp32"]

_ROUNDED: Final = (_ConvNd, nn.Linear)
_PROBE_PX: Final = 256


def keep_shallow_layers_in_fp32(network: nn.Module, channels: int) -> int:
    """Keep autocast away from every layer that runs before the picture has been reduced ``ENOUGH`` times.

    Where the network never reduces its picture so far, its smallest answer counts.

    Args:
        network: Changed in place, on the processor; maps (N, C, S, S) uint8.
        channels: C.

    Returns:
        How many layers are kept.
    """
    calls = _calls(network, channels)
    sides_px = [side for _, side in calls if side]
    limit_px = max(_PROBE_PX // ENOUGH, min(sides_px, default=0))
    end = next((place for place, (_, side) in enumerate(calls) if 0 < side <= limit_px), 0)
    shallow = {module for module, _ in calls[:end]}
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if child in shallow:
                setattr(parent, name, _InFp32(child))
    return len(shallow)


def _calls(network: nn.Module, channels: int) -> list[tuple[nn.Module, int]]:
    """Return each layer that autocast would round, in the order of the calls, with the side of its answer.

    A linear layer has no side: 0.
    """
    calls: list[tuple[nn.Module, int]] = []

    def note(module: nn.Module, _arguments: Any, answer: Tensor) -> None:
        calls.append((module, answer.shape[-1] if isinstance(module, _ConvNd) else 0))

    hooks = [each.register_forward_hook(note) for each in network.modules() if isinstance(each, _ROUNDED)]
    with torch.inference_mode():
        network(torch.zeros((1, channels, _PROBE_PX, _PROBE_PX), dtype=torch.uint8))
    for hook in hooks:
        hook.remove()
    return calls


class _InFp32(nn.Module):
    """A layer outside autocast."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, features: Tensor) -> Tensor:
        with torch.autocast(features.device.type, enabled=False):
            kept: Tensor = self.layer(features.float())
        return kept
