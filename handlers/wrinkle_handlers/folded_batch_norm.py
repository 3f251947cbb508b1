"""Batch normalisation as part of the convolution before it, so that BF16 rounds once where it would round twice.

Under autocast a convolution's answer is rounded to bfloat16 and normalised in bfloat16, which rounds it again. Exported
graphs have no such second rounding: tracing folds batch normalisation away. What it gains is in docs/torchserve.md.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

__all__ = ["fold_batch_norm"]

_PROBE_PX = 256


def fold_batch_norm(network: nn.Module, channels: int) -> int:
    """Fold every batch normalisation that takes a convolution's answer into that convolution.

    Args:
        network: Changed in place, in evaluation mode and on the processor; maps (N, C, S, S) uint8.
        channels: C.

    Returns:
        How many were folded.
    """
    pairs = _pairs(network, channels)
    places = {child: (parent, name) for parent in network.modules() for name, child in parent.named_children()}
    for convolution, norm in pairs:
        for old, new in ((convolution, fuse_conv_bn_eval(convolution, norm)), (norm, _after(norm))):
            parent, name = places[old]
            setattr(parent, name, new)
    return len(pairs)


def _pairs(network: nn.Module, channels: int) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Return each convolution whose answer a batch normalisation takes; both run once per picture."""
    answers: list[tuple[nn.Conv2d, Tensor]] = []  # kept, so that no two are at the same place in memory
    found: list[tuple[nn.Conv2d, nn.BatchNorm2d]] = []

    def note(convolution: nn.Conv2d, _arguments: Any, answer: Tensor) -> None:
        answers.append((convolution, answer))

    def match(norm: nn.BatchNorm2d, arguments: Any, _answer: Tensor) -> None:
        found.extend((convolution, norm) for convolution, answer in answers if answer is arguments[0])

    hooks = [each.register_forward_hook(note) for each in network.modules() if isinstance(each, nn.Conv2d)]
    hooks += [
        each.register_forward_hook(match)
        for each in network.modules()
        if type(each) in (nn.BatchNorm2d, BatchNormAct2d)
    ]
    with torch.inference_mode():
        network(torch.zeros((1, channels, _PROBE_PX, _PROBE_PX), dtype=torch.uint8))
    for hook in hooks:
        hook.remove()
    runs = Counter(convolution for convolution, _ in answers) + Counter(norm for _, norm in found)
    return [pair for pair in found if all(runs[module] == 1 for module in pair)]


def _after(norm: nn.BatchNorm2d) -> nn.Module:
    """Return what a layer does besides normalising: timm's also activates."""
    return nn.Sequential(norm.drop, norm.act) if isinstance(norm, BatchNormAct2d) else nn.Identity()
