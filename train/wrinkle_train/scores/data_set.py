"""Scores on the test pictures of a labelled data set, of all people and by subgroup."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from wrinkle_core.errors import ArtifactError, InvalidParameterError
from wrinkle_train.batches.record_data import evaluation_photos
from wrinkle_train.comparison.registry import SYSTEMS
from wrinkle_train.data.attributes import AGE_BANDS, Attributes
from wrinkle_train.data.parts import read_parts
from wrinkle_train.recipe import FilterRecipe, Recipe, load_any_recipe
from wrinkle_train.recipe_files import find_recipe
from wrinkle_train.scores.pixel_metrics import SetScores, score_set
from wrinkle_train.scores.scoring import Marker, RecipeScores, filter_marker, network_marker, score_photos
from wrinkle_train.training.recipe_run import landmark_cache
from wrinkle_train.training.train import BEST_FILE, WEIGHTS_FILE
from wrinkle_train.weights_file import load_weights

__all__ = ["score_data_set", "subgroup_scores"]

_AGE: Final = "age"


def score_data_set(
    system: str,
    data: Path,
    *,
    runs: Path = Path("runs"),
    cache: Path | None = None,
    on_photo: Callable[[int, int], None] | None = None,
) -> RecipeScores:
    """Score a system on the test part of a data set, split as its recipe or the set itself says.

    Args:
        system: A weights file, a comparison system, or a recipe: a filter's, or one that was trained into ``runs``.
        data: Folder that ``data.parts.read_parts`` reads.
        runs: Where `wrinkle train` put the run of a recipe.
        cache: Folder for landmarks found; the user's own if left out.
        on_photo: Called while landmarks are searched and pictures scored.

    Raises:
        InvalidParameterError: There is no such system or recipe.
        ArtifactError: The recipe was not trained, or the weights file is missing or damaged.
        ContractError: The data do not fit.
        NoFaceError: A picture shows no face.
    """
    mark, recipe = _marker(system, runs)
    photos = evaluation_photos(read_parts(data, recipe.data), recipe, cache or landmark_cache(), on_photo)
    return score_photos(mark, photos, on_photo)


def subgroup_scores(scores: SetScores, attributes: Attributes, column: str) -> dict[str, SetScores]:
    """Return scores by what ``attributes`` say of the people in one column; ages are grouped into bands.

    Raises:
        InvalidParameterError: There is no such column.
        ContractError: An age is no number or in no band.
    """
    bands = AGE_BANDS if column.lower() == _AGE else None
    counts = {image.name: image.counts for image in scores.images}
    groups = attributes.groups(column, counts, bands=bands)
    return {label: score_set(names, [counts[name] for name in names]) for label, names in groups.items()}


def _marker(system: str, runs: Path) -> tuple[Marker, Recipe | FilterRecipe]:
    if system in SYSTEMS:
        return filter_marker(system), FilterRecipe(filter=system)
    path = Path(system)
    if path.suffix == ".onnx":
        raise InvalidParameterError(f"{path.name}: give the weights, a .safetensors file, to score on a data set.")
    if path.suffix != ".safetensors":
        recipe = load_any_recipe(find_recipe(system))
        if isinstance(recipe, FilterRecipe):
            return filter_marker(recipe.filter), recipe
        folder = runs / path.stem
        path = next((folder / name for name in (BEST_FILE, WEIGHTS_FILE) if (folder / name).is_file()), folder)
        if path == folder:
            raise ArtifactError(f"{folder.name} has not been trained here; run `wrinkle train {folder.name}` first.")
    network, recipe = load_weights(path)
    return network_marker(network), recipe
