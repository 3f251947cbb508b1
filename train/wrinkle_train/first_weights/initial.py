"""A run's first weights: random, ImageNet, a pretraining stage's, or a file's; checked before any data is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import lightning

from wrinkle_core.errors import ArtifactError
from wrinkle_train.first_weights.transfer import load_initial_weights
from wrinkle_train.networks.deployable import Deployable
from wrinkle_train.networks.registry import build_network
from wrinkle_train.networks.swin_unetr import SwinUNETR2d
from wrinkle_train.networks.swin_weights import load_swin_imagenet
from wrinkle_train.recipe import Recipe

__all__ = ["WeightFiles", "initial_network"]


@dataclass(frozen=True, slots=True)
class WeightFiles:
    """Files a user names.

    Attributes:
        imagenet: ImageNet weights of the recipe's encoder, for ``pretraining: {task: imagenet}``.
        initial: Weights to start from in place of the recipe's pretraining stage.
    """

    imagenet: Path | None = None
    initial: Path | None = None


def initial_network(recipe: Recipe, files: WeightFiles, stage_weights: Path | None) -> tuple[Deployable, str]:
    """Return the network as training starts, and a sentence that says where its weights come from.

    Args:
        recipe: The run; its seed decides whatever stays random.
        files: What the user named.
        stage_weights: What the recipe's pretraining stage left, None without one.

    Raises:
        ArtifactError: A file is missing or fits nothing, or the recipe needs ImageNet weights and nothing is named to
            start from.
        InvalidParameterError: There is no such encoder.
    """
    lightning.seed_everything(recipe.train.seed, verbose=False)
    start = files.initial or stage_weights
    network, origin = _fresh(recipe, files.imagenet, replaced=start is not None)
    if start is not None:
        origin = f"{start.name}: {load_initial_weights(start, network.network)}."
    return network, origin


def _fresh(recipe: Recipe, imagenet_file: Path | None, *, replaced: bool) -> tuple[Deployable, str]:
    wants_imagenet = recipe.pretraining.task == "imagenet"
    if imagenet_file is not None and not wants_imagenet:
        raise ArtifactError(f"{imagenet_file.name}: this recipe takes no ImageNet weights; use --init for others.")
    if wants_imagenet and recipe.network.name == "swin_unetr":
        network = build_network(recipe.network)
        if imagenet_file is None:
            return network, _without_file(recipe, replaced=replaced)
        assert isinstance(network.network, SwinUNETR2d)
        copied = load_swin_imagenet(network.network, imagenet_file)
        return network, f"ImageNet encoder from {imagenet_file.name}, {copied} tensors."
    if wants_imagenet and imagenet_file is not None:
        return build_network(recipe.network, imagenet_file), f"ImageNet encoder from {imagenet_file.name}."
    packaged = recipe.network.has_packaged_encoder and (wants_imagenet or recipe.network.imagenet)
    origin = "ImageNet encoder from its package." if packaged else "Random."
    if wants_imagenet and not packaged:
        origin = _without_file(recipe, replaced=replaced)
    return build_network(recipe.network.model_copy(update={"imagenet": packaged})), origin


def _without_file(recipe: Recipe, *, replaced: bool) -> str:
    if recipe.pretraining.file_required and not replaced:
        name = recipe.network.encoder if recipe.network.name != "swin_unetr" else "Swin Transformer"
        raise ArtifactError(f"This recipe starts from ImageNet weights of {name}: name their file with --weights.")
    return "Random: no file with ImageNet weights was named."
