"""U-Net with bilinear upsampling, batch norm and a width parameter.

Source: Ronneberger et al., arXiv:1505.04597; layout of arXiv:2408.10060's U-Net, which has 17,263,042 parameters with
width 64, three input channels and two classes. Own code.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

__all__ = ["UNet"]


class UNet(nn.Module):
    """Encoder of four halvings, decoder of four bilinear doublings with skips, 1 x 1 head.

    Widths are ``width`` x (1, 2, 4, 8, 8) on the way down and (4, 2, 1, 1) on the way up. No softmax: the loss needs
    logits.
    """

    def __init__(self, in_channels: int, classes: int, width: int = 64) -> None:
        super().__init__()
        down = (width, 2 * width, 4 * width, 8 * width, 8 * width)
        up = (4 * width, 2 * width, width, width)
        self.stem = _double_conv(in_channels, down[0])
        self.encoder = nn.ModuleList([_double_conv(a, b) for a, b in pairwise(down)])
        self.decoder = nn.ModuleList()
        below = down[-1]
        for skip, out in zip(reversed(down[:-1]), up, strict=True):
            self.decoder.append(_double_conv(below + skip, out, (below + skip) // 2))
            below = out
        self.head = nn.Conv2d(up[-1], classes, kernel_size=1)

    def forward(self, image: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, classes, H, W) logits; H and W must divide by 16."""
        features = self.stem(image)
        skips = []
        for stage in self.encoder:
            skips.append(features)
            features = stage(F.max_pool2d(features, 2))
        for stage in self.decoder:
            enlarged = F.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=True)
            features = stage(torch.cat([skips.pop(), enlarged], dim=1))
        logits: Tensor = self.head(features)
        return logits


def _double_conv(in_channels: int, out_channels: int, mid_channels: int | None = None) -> nn.Sequential:
    mid = mid_channels or out_channels
    return nn.Sequential(
        nn.Conv2d(in_channels, mid, 3, padding=1, bias=False),
        nn.BatchNorm2d(mid),
        nn.ReLU(inplace=True),
        nn.Conv2d(mid, out_channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )
