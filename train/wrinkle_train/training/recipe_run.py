"""A recipe from files to scores: pretraining stage, training, test scores; what is done already is not done again.

Everything lies in one folder, by fingerprint: ``stages/HASH`` (shared by all recipes with that stage), ``runs/HASH``
(shared by all rows with that recipe). Fingerprints are taken at the scale that runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import platformdirs

from wrinkle_core.errors import ContractError
from wrinkle_train.batches.record_data import evaluation_photos, record_data, record_pretraining_data
from wrinkle_train.data.fingerprint import records_sha256
from wrinkle_train.data.parts import RecordParts, read_parts
from wrinkle_train.data.photo_dataset import SegmentationPhotos
from wrinkle_train.first_weights.initial import WeightFiles, initial_network
from wrinkle_train.fitting.fit import FitLimits
from wrinkle_train.fitting.processes import process_rank
from wrinkle_train.recipe import FilterRecipe, Recipe
from wrinkle_train.scores.scoring import (
    Marker,
    RecipeScores,
    filter_marker,
    network_marker,
    read_scores,
    score_photos,
    write_scores,
)
from wrinkle_train.training.run_record import read_record
from wrinkle_train.training.scale import Scale, scaled
from wrinkle_train.training.train import RunResult, finished_run, finished_stage, require_validation, train
from wrinkle_train.weights_file import load_weights

__all__ = ["RecipeRun", "landmark_cache", "run_recipe", "train_on_records"]

_SCORES_FILE: Final = "scores.json"

OnPhoto = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class RecipeRun:
    """What ``run_recipe`` leaves.

    Attributes:
        recipe: At the scale it ran.
        folder: Holds the scores, and a network's run record and weights.
        training: The training run; None for a filter.
        scores: On the test pictures.
        wall_s: Seconds that training took, its share of stages left out, over all calls; 0 for a filter.
        stage_wall_s: Seconds the pretraining stage took, whoever ran it first.
        origin: Where the first weights came from.
        photos: The test pictures.
        mark: Gives the system's marks on them.
    """

    recipe: Recipe | FilterRecipe
    folder: Path
    training: RunResult | None
    scores: RecipeScores
    wall_s: float
    stage_wall_s: float
    origin: str
    photos: SegmentationPhotos = field(compare=False)
    mark: Marker = field(compare=False)


def landmark_cache() -> Path:
    """Return the user's folder for landmarks found in data sets."""
    return platformdirs.user_cache_path("wrinkle-serving") / "landmarks"


def run_recipe(
    recipe: Recipe | FilterRecipe,
    data: Path,
    out: Path,
    *,
    scale: Scale = "full",
    files: WeightFiles | None = None,
    limits: FitLimits | None = None,
    cache: Path | None = None,
    on_photo: OnPhoto | None = None,
) -> RecipeRun:
    """Train and score a recipe, or score a filter, on the pictures of a folder.

    Args:
        recipe: As it is in its file.
        data: Folder that ``data.parts.read_parts`` reads.
        out: Folder of all runs.
        scale: ``full`` or ``rendered-small``.
        files: Weights the user named.
        limits: Progress bar, limits; a run that a limit stopped is not scored.
        cache: Folder for landmarks found; the user's own if left out.
        on_photo: Called while landmarks are searched and pictures scored.

    Raises:
        ContractError: The folder, a file in it or the recipe does not fit, or a limit ended the run.
        ArtifactError: A weights file is missing or does not fit, or a folder holds other data's run.
        NoFaceError: A labelled picture shows no face.
    """
    chosen = scaled(recipe, scale)
    cache = cache or landmark_cache()
    folder = out / "runs" / chosen.fingerprint()
    parts = read_parts(data, chosen.data)
    training: RunResult | None = None
    if isinstance(chosen, Recipe):
        training = train_on_records(chosen, parts, out, folder, files=files, limits=limits, cache=cache)
        if not training.finished:
            raise ContractError(f"The run stopped at step {training.steps}; run it to its end to score it.")
    else:
        folder.mkdir(parents=True, exist_ok=True)
    photos, mark = evaluation_photos(parts, chosen, cache, on_photo), _marker(chosen, training)
    scores_path, digest = folder / _SCORES_FILE, records_sha256(parts.test)
    scores = read_scores(scores_path, digest)
    if scores is None:
        scores = score_photos(mark, photos, on_photo)
        if process_rank() == 0:
            write_scores(scores, scores_path, digest)
    record = read_record(folder)
    content = record.content if record is not None else {}
    return RecipeRun(
        recipe=chosen,
        folder=folder,
        training=training,
        scores=scores,
        wall_s=float(content.get("wall_s", 0.0)),
        stage_wall_s=float(content.get("stage_wall_s", 0.0)),
        origin=str(content.get("initial_weights", "")),
        photos=photos,
        mark=mark,
    )


def _marker(recipe: Recipe | FilterRecipe, training: RunResult | None) -> Marker:
    if isinstance(recipe, FilterRecipe):
        return filter_marker(recipe.filter)
    assert training is not None
    return network_marker(load_weights(training.chosen)[0])


def train_on_records(
    recipe: Recipe,
    parts: RecordParts,
    out: Path,
    folder: Path,
    *,
    files: WeightFiles | None = None,
    limits: FitLimits | None = None,
    cache: Path | None = None,
    on_photo: OnPhoto | None = None,
) -> RunResult:
    """Run a recipe's stage, unless it is done, and its training, unless that is done.

    Args:
        recipe: At the scale to run.
        parts: The pictures.
        out: Folder of all stages.
        folder: Of this run.
        files: Weights the user named; ``initial`` takes the stage's place.
        limits: What ends the call early.
        cache: Folder for landmarks found.
        on_photo: Called while landmarks are searched.

    Raises:
        ArtifactError: As ``train`` and ``pretrain``.
        ContractError: A limit ended the stage, or the recipe validates and there are no validation pictures.
    """
    files, limits, cache = files or WeightFiles(), limits or FitLimits(), cache or landmark_cache()
    initial_network(recipe, files, None)  # a missing file is an error before any picture is read
    data = record_data(parts, recipe, cache, on_photo)
    done = finished_run(folder, recipe, data.digest)
    if done is not None:
        return done
    require_validation(recipe, data)
    stage, left = recipe.pretraining_stage(), None
    if stage is not None and files.initial is None:
        stage_data = record_pretraining_data(parts, stage, cache, on_photo)
        left = finished_stage(stage, stage_data, out / "stages" / stage.fingerprint(), limits=limits)
    return train(recipe, data, folder, files=files, stage=left, limits=limits)
