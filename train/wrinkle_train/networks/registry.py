"""Networks by the name a recipe gives them, and their parameter counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from wrinkle_core.errors import ArtifactError
from wrinkle_train.networks.deployable import Deployable, Normalise
from wrinkle_train.networks.encoder_unet import encoder_unet
from wrinkle_train.networks.smp_networks import SMP_DECODER_CHANNELS
from wrinkle_train.networks.striped_wrinet import StripedWriNet
from wrinkle_train.networks.swin_unetr import SwinUNETR2d, parameters_without_position_tables
from wrinkle_train.networks.unet import UNet
from wrinkle_train.networks.unetpp import DECODER_CHANNELS, unetpp
from wrinkle_train.networks.wds_unet import WdsUNet
from wrinkle_train.recipe_schema.network import NetworkRecipe

__all__ = ["build_network", "count_parameters"]


def build_network(recipe: NetworkRecipe, encoder_weights: Path | None = None) -> Deployable:
    """Return the network of ``recipe`` with its normalisation, freshly initialised.

    Args:
        recipe: The network.
        encoder_weights: File with ImageNet weights for the encoder of ``unetpp`` and ``encoder_unet``.

    Raises:
        InvalidParameterError: There is no such encoder.
        ArtifactError: Encoder weights are given that do not fit, or for a network that has no such encoder.
    """
    network = _bare(recipe, encoder_weights)
    return Deployable(network, Normalise(recipe.normalisation_kind, recipe.in_channels))


def count_parameters(recipe: NetworkRecipe) -> int:
    """Return the number of parameters as the papers count them.

    SwinUNETR's relative-position-bias tables are left out, as paper 2's printed counts leave them out. Nothing is
    allocated.
    """
    with torch.device("meta"), _RealLinspace():
        network = _bare(recipe.model_copy(update={"imagenet": False}), None)
    return parameters_without_position_tables(network)


def _bare(recipe: NetworkRecipe, encoder_weights: Path | None) -> nn.Module:
    planes = recipe.output_planes
    if recipe.name in ("unetpp", "encoder_unet"):
        imagenet = encoder_weights is not None or recipe.starts_from_package
        usual = DECODER_CHANNELS if recipe.has_packaged_encoder else SMP_DECODER_CHANNELS
        if recipe.name == "unetpp":
            return unetpp(
                recipe.encoder,
                in_channels=recipe.in_channels,
                classes=planes,
                decoder_channels=recipe.decoder_channels or usual,
                deep_supervision=recipe.deep_supervision,
                imagenet=imagenet,
                encoder_weights=encoder_weights,
            )
        return encoder_unet(
            recipe.encoder,
            in_channels=recipe.in_channels,
            classes=planes,
            decoder_channels=recipe.decoder_channels or usual,
            imagenet=imagenet,
            encoder_weights=encoder_weights,
        )
    if encoder_weights is not None:
        raise ArtifactError(f"{encoder_weights.name}: {recipe.name} has no encoder that takes such a file.")
    if recipe.name == "swin_unetr":
        swin = recipe.swin
        return SwinUNETR2d(
            recipe.in_channels,
            planes,
            feature_size=swin.feature_size,
            depths=swin.depths,
            heads=swin.heads,
            window=swin.window,
        )
    if recipe.name == "striped_wrinet":
        return StripedWriNet(recipe.in_channels, planes, base=recipe.width)
    if recipe.name == "wds_unet":
        return WdsUNet(recipe.in_channels, planes, width=recipe.width)
    return UNet(recipe.in_channels, planes, width=recipe.width)


class _RealLinspace(TorchFunctionMode):
    """Lets MONAI read its drop-path rates while everything else stays on the meta device."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        placed = {"device": "cpu"} if func is torch.linspace else {}
        return func(*args, **{**placed, **(kwargs or {})})
