"""Running the rows of a table, one after the other; a row whose recipe was run for another is not run again."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from wrinkle_train.first_weights.initial import WeightFiles
from wrinkle_train.fitting.fit import FitLimits
from wrinkle_train.networks.registry import count_parameters
from wrinkle_train.recipe import FilterRecipe, Recipe, load_any_recipe
from wrinkle_train.recipe_files import find_recipe, recipe_names
from wrinkle_train.tables.report import TableNumber
from wrinkle_train.tables.result import ExampleFace, RowResult
from wrinkle_train.training.recipe_run import RecipeRun, run_recipe
from wrinkle_train.training.scale import Scale

__all__ = ["PAPER_ORDER", "RowFiles", "run_row", "table_recipes"]

PAPER_ORDER: Final = (
    "batool", "yap", "sanchez", "ours",
    "bce", "dice", "focal", "bce-focal", "bce-dice", "dice-focal", "bce-dice-focal",
    "semi-automatic-wds", "striped-wrinet", "swin-none", "swin-imagenet", "swin-masked", "swin-texture",
    "unet-none", "unet-resnet50", "unet-denoising", "unet-texture",
    "none-3ch", "none-4ch", "texture-3ch", "texture-4ch",
)  # fmt: skip
_EXAMPLES: Final = 4

_AnyRecipe = Recipe | FilterRecipe


@dataclass(frozen=True, slots=True)
class RowFiles:
    """Folders and files of a table's rows.

    Attributes:
        data: What ``data.parts.read_parts`` reads.
        out: Where all runs lie.
        imagenet: ImageNet weights by encoder name; a full-scale row that needs one and has none raises.
        cache: Landmarks found; the user's own folder if None.
    """

    data: Path
    out: Path
    imagenet: dict[str, Path]
    cache: Path | None = None


def table_recipes(table: TableNumber) -> tuple[tuple[str, _AnyRecipe], ...]:
    """Return names and recipes of a table's rows in the paper's order, all labels before 5 %."""
    named = [(name, load_any_recipe(find_recipe(name))) for name in recipe_names()]
    rows = [(name, recipe) for name, recipe in named if recipe.paper is not None and recipe.paper.table == table]
    return tuple(sorted(rows, key=lambda row: _place(*row)))


def _place(name: str, recipe: _AnyRecipe) -> tuple[bool, int]:
    slug = re.sub(r"^table\d-(100-|5-)?", "", name)
    return recipe.paper is not None and recipe.paper.regime == "5%", PAPER_ORDER.index(slug)


def run_row(
    name: str,
    recipe: _AnyRecipe,
    files: RowFiles,
    scale: Scale,
    *,
    show_progress: bool = False,
    on_photo: Callable[[int, int], None] | None = None,
) -> RowResult:
    """Train and score one row, or take what an equal recipe left.

    Args:
        name: The recipe's name.
        recipe: One of ``table_recipes``.
        files: Folders.
        scale: ``full`` or ``rendered-small``.
        show_progress: Draw a bar while training.
        on_photo: Called while landmarks are searched and pictures scored.

    Raises:
        ContractError: The data do not fit.
        ArtifactError: A weights file is missing or does not fit.
        NoFaceError: A labelled picture shows no face.
    """
    assert recipe.paper is not None
    weights = None
    if isinstance(recipe, Recipe) and recipe.pretraining.task == "imagenet":
        weights = files.imagenet.get("swin" if recipe.network.name == "swin_unetr" else recipe.network.encoder)
    run = run_recipe(
        recipe,
        files.data,
        files.out,
        scale=scale,
        files=WeightFiles(imagenet=weights),
        limits=FitLimits(show_progress=show_progress),
        cache=files.cache,
        on_photo=on_photo,
    )
    is_trained = isinstance(run.recipe, Recipe)
    return RowResult(
        recipe=name,
        paper=recipe.paper,
        fingerprint=run.recipe.fingerprint(),
        scores=run.scores.whole,
        masked=run.scores.masked,
        parameters=count_parameters(run.recipe.network) if isinstance(run.recipe, Recipe) else None,
        run_s=run.wall_s + run.stage_wall_s if is_trained else None,
        initial_weights=run.origin or "-",
        examples=_examples(run),
    )


def _examples(run: RecipeRun) -> tuple[ExampleFace, ...]:
    faces = []
    for index, record in enumerate(run.photos.records[:_EXAMPLES]):
        frame = run.photos.frame(index)
        assert frame.label is not None
        marked = np.asarray(run.mark(run.photos, index) * frame.mask, np.uint8)
        faces.append(ExampleFace(record.id, frame.rgb, frame.label, marked))
    return tuple(faces)
