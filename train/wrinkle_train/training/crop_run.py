"""A recipe on crops that are rendered without end: its pretraining stage, then its training."""

from __future__ import annotations

from pathlib import Path

from wrinkle_train.batches.rendered_data import rendered_data, rendered_pretraining_data
from wrinkle_train.first_weights.initial import WeightFiles
from wrinkle_train.fitting.fit import FitLimits
from wrinkle_train.recipe import Recipe
from wrinkle_train.render.faces import Library
from wrinkle_train.training.train import RunResult, finished_stage, require_validation, train

__all__ = ["train_on_crops"]


def train_on_crops(
    recipe: Recipe,
    library: Library,
    folder: Path,
    *,
    files: WeightFiles | None = None,
    limits: FitLimits | None = None,
) -> RunResult:
    """Run a recipe on rendered crops, its pretraining stage first, into ``folder``; the stage lies in ``stage`` there.

    Raises:
        ArtifactError: As ``train`` and ``pretrain``.
        ContractError: A limit ended the stage, or the recipe validates: rendered crops have no validation pictures.
    """
    data = rendered_data(library, recipe)
    require_validation(recipe, data)
    stage, left = recipe.pretraining_stage(), None
    if stage is not None and (files is None or files.initial is None):
        left = finished_stage(stage, rendered_pretraining_data(library, stage), folder / "stage", limits=limits)
    return train(recipe, data, folder, files=files, stage=left, limits=limits)
