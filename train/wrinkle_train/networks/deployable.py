"""Networks as they are served: UINT8 in, UINT8 out, normalisation and activation inside.

The served graph is the whole truth about normalisation, so no host can get it wrong. A float cast to UINT8 truncates
and is undefined outside [0, 256), so the graph ends Clip, Round, Cast.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

__all__ = ["Deployable", "Normalise", "wrinkle_logit"]

IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_STD: Final = (0.229, 0.224, 0.225)


class Normalise(nn.Module):
    """Scale pixels to what a network was trained on.

    ``imagenet``: x / 255, then ImageNet mean and standard deviation (RGB). ``signed``: x / 255 * 2 - 1, any channel
        count.
    """

    def __init__(self, kind: str, channels: int) -> None:
        super().__init__()
        if kind == "imagenet":
            scale = [1.0 / (255.0 * std) for std in IMAGENET_STD]
            offset = [-mean / std for mean, std in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)]
        else:
            scale, offset = [2.0 / 255.0] * channels, [-1.0] * channels
        self.scale: Tensor
        self.offset: Tensor
        self.register_buffer("scale", torch.tensor(scale).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("offset", torch.tensor(offset).view(1, -1, 1, 1), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Map (N, C, H, W) pixels in [0, 255], any dtype, to float32."""
        scaled: Tensor = pixels.float() * self.scale + self.offset
        return scaled


class Deployable(nn.Module):
    """``network`` between UINT8 pixels and UINT8 probabilities."""

    def __init__(self, network: nn.Module, normalise: Normalise) -> None:
        super().__init__()
        self.normalise = normalise
        self.network = network

    def probability(self, pixels: Tensor) -> Tensor:
        """Map (N, C, H, W) uint8 pixels to (N, H, W) float32 wrinkle probability in [0, 1]."""
        logits = self.network(self.normalise(pixels))
        return torch.sigmoid(wrinkle_logit(logits))

    def forward(self, pixels: Tensor) -> Tensor:
        """Map (N, C, H, W) uint8 pixels to (N, H, W) uint8 probability times 255, rounded."""
        scaled = self.probability(pixels) * 255.0
        return torch.round(torch.clamp(scaled, 0.0, 255.0)).to(torch.uint8)


def wrinkle_logit(logits: Tensor) -> Tensor:
    """Reduce (N, 1 or 2, H, W) logits to the (N, H, W) logit of wrinkle.

    With two classes the softmax probability of class 1 is the sigmoid of the difference.
    """
    if logits.shape[1] == 1:
        return logits[:, 0]
    return logits[:, 1] - logits[:, 0]
