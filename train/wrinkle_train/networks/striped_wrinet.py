"""Striped WriNet: a U-shape whose skips pass a striped gate each, then one global striped attention.

Source: Yang et al.'s Striped WriNet, laid out as in methods.md section 4 after the authors' later repository; base 24,
three channels in and two classes out give 6,222,530 parameters, as arXiv:2408.10060 prints them. Own code. Assumed,
because the count cannot tell: bilinear resizing throughout, and the gated skips (not the plain ones) feed the global
attention.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from wrinkle_train.networks.input_sides import require_sides
from wrinkle_train.networks.unet import double_conv

__all__ = ["GlobalStripedAttention", "MultiScaleStripedGate", "StripedWriNet"]

_STRIPES_PX: Final = (3, 7, 11)
_STRIDE: Final = 16


class StripedWriNet(nn.Module):
    """Encoder of widths ``base`` x (1, 2, 4, 8, 16), decoder of widths ``base`` x (8, 4, 2, 1), 1 x 1 head."""

    def __init__(self, in_channels: int = 3, classes: int = 2, base: int = 24) -> None:
        super().__init__()
        down = tuple(base * 2**level for level in range(5))
        shared = 2 * base
        self.stem = double_conv(in_channels, base)
        self.encoder = nn.ModuleList([double_conv(a, b) for a, b in pairwise(down)])
        self.gates = nn.ModuleList([MultiScaleStripedGate(width) for width in down[:-1]])
        self.attention = GlobalStripedAttention(down[:-1], shared)
        self.decoder = nn.ModuleList([double_conv(below + shared, out) for below, out in pairwise(reversed(down))])
        self.head = nn.Conv2d(base, classes, kernel_size=1)

    def forward(self, image: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, classes, H, W) logits.

        Raises:
            ContractError: H or W is not divisible by 16.
        """
        require_sides(image, _STRIDE)
        features = self.stem(image)
        skips = []
        for stage, gate in zip(self.encoder, self.gates, strict=True):
            skips.append(gate(features))
            features = stage(F.max_pool2d(features, 2))
        shared = self.attention(skips)
        for stage, skip in zip(self.decoder, reversed(skips), strict=True):
            size = skip.shape[-2:]
            enlarged = F.interpolate(features, size=size, mode="bilinear", align_corners=True)
            beside = shared if shared.shape[-2:] == size else _resized(shared, size)
            features = stage(torch.cat([beside, enlarged], dim=1))
        logits: Tensor = self.head(features)
        return logits


class MultiScaleStripedGate(nn.Module):
    """Multi-scale striped attention: a gate in (0, 1) per pixel from stripes of 3, 7 and 11 px, times the features."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.stripes = nn.ModuleList([_stripe(channels, length) for length in _STRIPES_PX])
        self.merge = nn.Conv2d(len(_STRIPES_PX) * channels, 1, kernel_size=1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, channels, H, W) to the same shape."""
        gate = torch.sigmoid(self.merge(torch.cat([stripe(features) for stripe in self.stripes], dim=1)))
        return features * gate


class GlobalStripedAttention(nn.Module):
    """Joins all skips at the finest size and lets whole columns, and whole rows, attend to one another.

    The published order enlarges the skips, concatenates them and projects them to ``width`` channels. Here each is
    projected first and the results are summed: the same function, because a 1 x 1 convolution commutes with bilinear
    enlargement, at a seventh of the memory.
    """

    def __init__(self, skip_widths: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.projections = nn.ModuleList([nn.Conv2d(skip, width, kernel_size=1, bias=False) for skip in skip_widths])
        self.across = _SelfAttention(width)
        self.down = _SelfAttention(width)

    def forward(self, skips: list[Tensor]) -> Tensor:
        """Map skips, finest first, to (N, width, H, W) at the finest one's size."""
        size = skips[0].shape[-2:]
        finest, *coarser = (project(skip) for project, skip in zip(self.projections, skips, strict=True))
        joined: Tensor = finest
        for projected in coarser:
            joined = joined + F.interpolate(projected, size=size, mode="bilinear", align_corners=True)
        columns = self.across(joined.mean(dim=2).transpose(1, 2))  # (N, W, width)
        rows = self.down(joined.amax(dim=3).transpose(1, 2))  # (N, H, width)
        attended: Tensor = joined + columns.transpose(1, 2)[:, :, None, :] + rows.transpose(1, 2)[:, :, :, None]
        return attended


class _SelfAttention(nn.Module):
    """Single-head scaled dot-product self-attention without an output projection."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))

    def forward(self, tokens: Tensor) -> Tensor:
        one_head = tokens[:, None]  # (N, 1, L, width): the ONNX exporter takes no fewer axes
        query, key, value = self.query(one_head), self.key(one_head), self.value(one_head)
        attended: Tensor = F.scaled_dot_product_attention(query, key, value)
        return attended[:, 0]


def _stripe(channels: int, length: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, channels, (1, length), padding=(0, length // 2), bias=False),
        nn.Conv2d(channels, channels, (length, 1), padding=(length // 2, 0), bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    )


def _resized(features: Tensor, size: torch.Size) -> Tensor:
    return F.interpolate(features, size=size, mode="bilinear", align_corners=False)
