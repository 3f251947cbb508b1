"""U-Net with bilinear upsampling, batch norm and a width parameter.

Source: Ronneberger et al., arXiv:1505.04597; layout of arXiv:2408.10060's U-Net, which has 17,263,042 parameters with
width 64, three input channels and two classes. Own code.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from wrinkle_train.networks.input_sides import require_sides

__all__ = ["UNet", "double_conv"]

_STRIDE: Final = 16


class UNet(nn.Module):
    """Encoder of four halvings, decoder of four bilinear doublings with skips, 1 x 1 head.

    Widths are ``width`` x (1, 2, 4, 8, 8) on the way down and (4, 2, 1, 1) on the way up. No softmax: the loss needs
    logits. ``bias`` gives the 3 x 3 convolutions one, which batch norm makes redundant.
    """

    def __init__(self, in_channels: int, classes: int, width: int = 64, *, bias: bool = False) -> None:
        super().__init__()
        down = (width, 2 * width, 4 * width, 8 * width, 8 * width)
        up = (4 * width, 2 * width, width, width)
        self.stem = double_conv(in_channels, down[0], bias=bias)
        self.encoder = nn.ModuleList([double_conv(a, b, bias=bias) for a, b in pairwise(down)])
        self.decoder = nn.ModuleList()
        below = down[-1]
        for skip, out in zip(reversed(down[:-1]), up, strict=True):
            self.decoder.append(double_conv(below + skip, out, (below + skip) // 2, bias=bias))
            below = out
        self.head = nn.Conv2d(up[-1], classes, kernel_size=1)

    def forward(self, image: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, classes, H, W) logits.

        Raises:
            ContractError: H or W is not divisible by 16.
        """
        logits: Tensor = self.head(self.decoded(image)[-1])
        return logits

    def decoded(self, image: Tensor) -> list[Tensor]:
        """Return the decoder's four outputs, coarse to fine: 1/8, 1/4, 1/2 and full size.

        Raises:
            ContractError: H or W is not divisible by 16.
        """
        require_sides(image, _STRIDE)
        features = self.stem(image)
        skips = []
        for stage in self.encoder:
            skips.append(features)
            features = stage(F.max_pool2d(features, 2))
        outputs = []
        for stage in self.decoder:
            enlarged = F.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=True)
            features = stage(torch.cat([skips.pop(), enlarged], dim=1))
            outputs.append(features)
        return outputs


def double_conv(
    in_channels: int, out_channels: int, mid_channels: int | None = None, *, bias: bool = False
) -> nn.Sequential:
    """Return two 3 x 3 convolutions, each with batch norm and ReLU; the size stays."""
    mid = mid_channels or out_channels
    return nn.Sequential(
        nn.Conv2d(in_channels, mid, 3, padding=1, bias=bias),
        nn.BatchNorm2d(mid),
        nn.ReLU(inplace=True),
        nn.Conv2d(mid, out_channels, 3, padding=1, bias=bias),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )
