"""Weights as safetensors with their recipe in the header: float16, and float32 where that is too small."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from wrinkle_core.errors import ArtifactError
from wrinkle_train.networks.deployable import Deployable
from wrinkle_train.networks.registry import build_network
from wrinkle_train.recipe import PretrainingStage, Recipe

__all__ = ["load_weights", "read_recipe", "save_weights"]


def save_weights(network: Deployable, recipe: Recipe | PretrainingStage, path: Path) -> Path:
    """Write ``network`` as safetensors with its recipe in the header; the file is replaced at once.

    Raises:
        ArtifactError: A weight is not finite.
    """
    for name, value in network.state_dict().items():
        if not value.isfinite().all():
            raise ArtifactError(f"{path.name}: {name} is not finite; train with a lower learning rate.")
    tensors = {name: _stored(value) for name, value in network.state_dict().items()}
    key = "recipe" if isinstance(recipe, Recipe) else "stage"
    partial = path.with_name(f".{path.name}.partial")
    save_file(tensors, partial, metadata={key: recipe.model_dump_json(), "format": "pt"})
    os.replace(partial, path)
    return path


def load_weights(path: Path) -> tuple[Deployable, Recipe]:
    """Return the network a safetensors file holds, ready to evaluate, and its recipe.

    Raises:
        ArtifactError: The file is missing or was not written by ``save_weights`` for a recipe.
    """
    recipe = read_recipe(path)
    network = build_network(recipe.network.model_copy(update={"imagenet": False}))
    tensors = {name: value.float() if value.is_floating_point() else value for name, value in load_file(path).items()}
    try:
        network.load_state_dict(tensors)
    except RuntimeError:
        raise ArtifactError(f"The tensors of {path.name} do not fit the network its recipe names.") from None
    return network.eval(), recipe


def read_recipe(path: Path) -> Recipe:
    """Return the recipe in the header of a safetensors file.

    Raises:
        ArtifactError: The file is missing, is no safetensors file, or names no recipe that is read here.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (OSError, SafetensorError):
        raise ArtifactError(f"{path.name} is missing or no safetensors file.") from None
    if "recipe" not in metadata:
        raise ArtifactError(f"{path.name} names no recipe; train it with `wrinkle train`.")
    try:
        return Recipe.model_validate_json(metadata["recipe"])
    except ValidationError as error:
        keys = ", ".join(".".join(map(str, problem["loc"])) or "recipe" for problem in error.errors())
        raise ArtifactError(f"{path.name} has a recipe of another version; it differs in {keys}.") from None


def _stored(value: Tensor) -> Tensor:
    """Return ``value`` in float16 where it fits: the variances of a batch norm may be larger than 65504."""
    half = value.half() if value.dtype == torch.float32 else value
    return (half if half.isfinite().all() else value).contiguous().cpu()
