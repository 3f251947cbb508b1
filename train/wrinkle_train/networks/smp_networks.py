"""Networks of segmentation_models_pytorch on an encoder by name, never with weights from a hub."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from wrinkle_train.networks.encoder_weights import prepare_encoder, require_encoder

__all__ = ["SMP_DECODER_CHANNELS", "smp_network"]

SMP_DECODER_CHANNELS: Final = (256, 128, 64, 32, 16)  # the library's own widths, coarse to fine


def smp_network(
    kind: type,
    encoder: str,
    *,
    in_channels: int,
    classes: int,
    decoder_channels: Sequence[int],
    imagenet: bool,
    encoder_weights: Path | None,
) -> Any:
    """Return a network of class ``kind``: (N, in_channels, H, W) float32 to (N, classes, H, W) logits.

    Args:
        kind: ``smp.Unet`` or ``smp.UnetPlusPlus``; H and W are then divisible by 32.
        encoder: smp's name, such as ``resnet50``, or ``tu-`` and timm's, such as ``tu-efficientnet_lite0``.
        in_channels: 3 for RGB, 4 with the texture map.
        classes: Logits per pixel.
        decoder_channels: Widths of the five decoder stages, coarse to fine.
        imagenet: Start the encoder from ImageNet weights; a fourth channel's slice of the first convolution is zero.
        encoder_weights: File they come from; None takes the packaged ones (EfficientNet-Lite0 only).

    Raises:
        InvalidParameterError: There is no such encoder.
        ArtifactError: The weights are missing or do not fit.
    """
    require_encoder(encoder)
    network = kind(
        encoder,
        encoder_weights=None,
        decoder_channels=tuple(decoder_channels),
        in_channels=in_channels,
        classes=classes,
    )
    prepare_encoder(network.encoder, encoder, imagenet=imagenet, weights_file=encoder_weights)
    return network
