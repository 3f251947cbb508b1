"""Networks by the name a recipe gives them."""

from __future__ import annotations

from torch import nn

from wrinkle_train.networks.deployable import Deployable, Normalise
from wrinkle_train.networks.unet import UNet
from wrinkle_train.networks.unetpp import small_unetpp
from wrinkle_train.recipe import NetworkRecipe

__all__ = ["build_network"]


def build_network(recipe: NetworkRecipe) -> Deployable:
    """Return the network of ``recipe`` with its normalisation, freshly initialised."""
    network: nn.Module
    if recipe.name == "unetpp":
        network = small_unetpp(imagenet=recipe.imagenet)
        return Deployable(network, Normalise("imagenet", 3))
    network = UNet(recipe.in_channels, classes=2, width=recipe.width)
    return Deployable(network, Normalise("signed", recipe.in_channels))
