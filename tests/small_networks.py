"""Every deployable network at a small size with random weights, traced once for all tests of the export."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import onnx
import torch

from wrinkle_export.graph.trace import trace_network
from wrinkle_train.networks.deployable import Deployable
from wrinkle_train.networks.registry import build_network
from wrinkle_train.recipe import NetworkRecipe
from wrinkle_train.recipe_schema.network import SwinRecipe

__all__ = ["SMALL_NETWORKS", "SmallNetwork", "network", "traced"]


@dataclass(frozen=True, slots=True)
class SmallNetwork:
    """One network and the side of its input."""

    recipe: NetworkRecipe
    input_px: int


SMALL_NETWORKS: Final = {
    "unetpp": SmallNetwork(NetworkRecipe(name="unetpp", imagenet=False), 32),
    "unetpp-resnext50": SmallNetwork(NetworkRecipe(name="unetpp", encoder="resnext50_32x4d"), 32),
    "unetpp-deep-supervision": SmallNetwork(
        NetworkRecipe(name="unetpp", encoder="resnet18", deep_supervision=True), 32
    ),
    "unet-3": SmallNetwork(NetworkRecipe(name="unet", in_channels=3, width=8), 32),
    "unet-4": SmallNetwork(NetworkRecipe(name="unet", in_channels=4, width=8), 32),
    "unet-lite0-4": SmallNetwork(NetworkRecipe(name="encoder_unet", in_channels=4, imagenet=False), 32),
    "unet-resnet50": SmallNetwork(NetworkRecipe(name="encoder_unet", encoder="resnet50"), 32),
    "swin-unetr": SmallNetwork(
        NetworkRecipe(name="swin_unetr", in_channels=4, swin=SwinRecipe(feature_size=12, window=2)), 64
    ),
    "striped-wrinet": SmallNetwork(NetworkRecipe(name="striped_wrinet", width=8), 64),
    "wds-unet": SmallNetwork(NetworkRecipe(name="wds_unet", width=8), 32),
}


@cache
def network(name: str) -> Deployable:
    """Return a network in evaluation mode; do not change it."""
    torch.manual_seed(0)
    return build_network(SMALL_NETWORKS[name].recipe).eval()


@cache
def traced(name: str) -> onnx.ModelProto:
    """Return its FP32 graph; do not change it."""
    small = SMALL_NETWORKS[name]
    return trace_network(network(name), small.recipe.in_channels, small.input_px)
