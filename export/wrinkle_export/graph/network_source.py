"""Which network an export starts from: a checkpoint, or a recipe with random weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from wrinkle_core.errors import ArtifactError, InvalidParameterError
from wrinkle_export.artifacts.manifest import Ports, Source, sha256_of
from wrinkle_train.networks.deployable import Deployable
from wrinkle_train.networks.registry import build_network
from wrinkle_train.recipe import Recipe, load_recipe
from wrinkle_train.recipe_files import find_recipe
from wrinkle_train.weights_file import load_weights, read_recipe

__all__ = ["NetworkSource", "network_source"]


@dataclass(frozen=True, slots=True)
class NetworkSource:
    """One network to be exported.

    Attributes:
        name: What the build folder calls it.
        recipe: What it is.
        checkpoint: Its weights, safetensors; None for random ones.
        random_seed: Of random weights; None with a checkpoint.
    """

    name: str
    recipe: Recipe
    checkpoint: Path | None
    random_seed: int | None

    @property
    def channels(self) -> int:
        """Return the channels of its input."""
        return self.recipe.network.in_channels

    @property
    def ports(self) -> Ports:
        """Return its input and output contract."""
        return Ports.of_network(self.channels, self.recipe.input_px)

    def record(self) -> Source:
        """Return the manifest's account of it."""
        return Source(
            network=self.name,
            checkpoint_sha256=None if self.checkpoint is None else sha256_of(self.checkpoint),
            random_seed=self.random_seed,
            recipe=self.recipe.model_dump(mode="json"),
            segmenter=self.recipe.segmenter if self.recipe.is_servable else None,
        )

    def network(self) -> Deployable:
        """Return it in evaluation mode, in FP32.

        Raises:
            ArtifactError: The checkpoint cannot be loaded.
        """
        if self.checkpoint is not None:
            return load_weights(self.checkpoint)[0]
        assert self.random_seed is not None
        torch.manual_seed(self.random_seed)
        return build_network(self.recipe.network.model_copy(update={"imagenet": False})).eval()


def network_source(what: str, *, name: str | None = None, random_seed: int | None = None) -> NetworkSource:
    """Return the network that a command line names.

    Args:
        what: A safetensors file, or with ``random_seed`` a recipe's name or file.
        name: What to call it; None takes the segmenter it can serve as, else the file's name.
        random_seed: Draw the weights at random, to measure or test a network that nobody has trained.

    Raises:
        ArtifactError: The file is missing or names no recipe.
        InvalidParameterError: There is no such recipe, or weights are given where random ones are asked for.
    """
    path = Path(what)
    if random_seed is None:
        if path.suffix != ".safetensors":
            raise InvalidParameterError(
                f"{path.name} is no .safetensors file; give one, or add --random-weights to export a recipe untrained."
            )
        recipe = read_recipe(path)
        own = recipe.segmenter if recipe.is_servable else path.resolve().parent.name
        return NetworkSource(_slug(name or own), recipe, path, None)
    if path.suffix == ".safetensors":
        raise InvalidParameterError("--random-weights goes with a recipe, not with trained weights.")
    recipe_path = find_recipe(what)
    return NetworkSource(_slug(name or recipe_path.stem), load_recipe(recipe_path), None, random_seed)


def _slug(name: str) -> str:
    slug = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name.lower()).strip("-_")
    if not slug:
        raise ArtifactError(f"{name!r} is no name for a network; give one with --name.")
    return slug[:64]
