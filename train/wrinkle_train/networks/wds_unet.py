"""U-Net with four heads, for weighted deep supervision.

Source: Kim et al. 2023 as their repository shows it (methods.md section 4): the U-Net of ``unet.py`` with biased 3 x 3
convolutions, four input channels, and a 1 x 1 head on each decoder output; 17,268,936 parameters. Own code.
"""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from wrinkle_train.networks.unet import UNet

__all__ = ["WdsUNet"]


class WdsUNet(nn.Module):
    """U-Net whose coarser decoder outputs (``width`` x 1, 2, 4 channels at 1/2, 1/4, 1/8 size) have heads too.

    The authors enlarge a decoder output and then apply its head. Here the head comes first: a 1 x 1 convolution and a
    bilinear enlargement commute, and 256 channels at 1024 x 1024 would take a gibibyte.
    """

    def __init__(self, in_channels: int = 4, classes: int = 2, width: int = 64) -> None:
        super().__init__()
        self.unet = UNet(in_channels, classes, width, bias=True)
        self.side_heads = nn.ModuleList([nn.Conv2d(factor * width, classes, kernel_size=1) for factor in (1, 2, 4)])

    def forward(self, image: Tensor) -> Tensor | list[Tensor]:
        """Map (N, in_channels, H, W) to (N, classes, H, W) logits; in training mode to four of them, finest first.

        Raises:
            ContractError: H or W is not divisible by 16.
        """
        if not self.training:
            main: Tensor = self.unet(image)
            return main
        *coarse, finest = self.unet.decoded(image)
        size = image.shape[-2:]
        sides = [
            F.interpolate(head(features), size=size, mode="bilinear", align_corners=True)
            for head, features in zip(self.side_heads, reversed(coarse), strict=True)
        ]
        return [self.unet.head(finest), *sides]
