"""U-Net on an encoder of segmentation_models_pytorch.

Source: Ronneberger et al., arXiv:1505.04597, through segmentation_models_pytorch. With ``resnet50``, three channels and
two classes it has 32,521,250 parameters: the "U-Net ResNet-50" of arXiv:2408.10060's Table 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import segmentation_models_pytorch as smp
from torch import nn

from wrinkle_train.networks.encoder_weights import prepare_encoder, require_encoder

__all__ = ["UNET_DECODER_CHANNELS", "encoder_unet"]

UNET_DECODER_CHANNELS: Final = (256, 128, 64, 32, 16)


def encoder_unet(
    encoder: str,
    *,
    in_channels: int = 3,
    classes: int = 2,
    decoder_channels: Sequence[int] = UNET_DECODER_CHANNELS,
    imagenet: bool = False,
    encoder_weights: Path | None = None,
) -> nn.Module:
    """Return a U-Net: (N, in_channels, H, W) float32 to (N, classes, H, W) logits, H and W divisible by 32.

    Args:
        encoder: smp's name, such as ``resnet50``, or ``tu-`` and timm's, such as ``tu-efficientnet_lite0``.
        in_channels: 3 for RGB, 4 with the texture map.
        classes: 1 or 2.
        decoder_channels: Widths of the five decoder stages, coarse to fine.
        imagenet: Start the encoder from ImageNet weights; a fourth channel's slice of the first convolution is zero.
        encoder_weights: File they come from; None takes the packaged ones (EfficientNet-Lite0 only).

    Raises:
        InvalidParameterError: There is no such encoder.
        ArtifactError: The weights are missing or do not fit.
    """
    require_encoder(encoder)
    network = smp.Unet(
        encoder,
        encoder_weights=None,
        decoder_channels=tuple(decoder_channels),
        in_channels=in_channels,
        classes=classes,
    )
    prepare_encoder(network.encoder, encoder, imagenet=imagenet, weights_file=encoder_weights)
    plain: nn.Module = network
    return plain
