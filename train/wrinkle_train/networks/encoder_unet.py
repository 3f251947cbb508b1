"""U-Net on an encoder of segmentation_models_pytorch.

Source: Ronneberger et al., arXiv:1505.04597, through segmentation_models_pytorch. With ``resnet50``, three channels and
two classes it has 32,521,250 parameters: the "U-Net ResNet-50" of arXiv:2408.10060's Table 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import segmentation_models_pytorch as smp
from torch import nn

from wrinkle_train.networks.smp_networks import SMP_DECODER_CHANNELS, smp_network

__all__ = ["encoder_unet"]


def encoder_unet(
    encoder: str,
    *,
    in_channels: int = 3,
    classes: int = 2,
    decoder_channels: Sequence[int] = SMP_DECODER_CHANNELS,
    imagenet: bool = False,
    encoder_weights: Path | None = None,
) -> nn.Module:
    """Return a U-Net; arguments, shapes and errors as in ``smp_network``."""
    network: nn.Module = smp_network(
        smp.Unet,
        encoder,
        in_channels=in_channels,
        classes=classes,
        decoder_channels=decoder_channels,
        imagenet=imagenet,
        encoder_weights=encoder_weights,
    )
    return network
