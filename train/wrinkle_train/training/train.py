"""Running a recipe: its pretraining stage, its training, validation, weights, run record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import lightning

from wrinkle_core.errors import ContractError
from wrinkle_train.batches.training_data import TrainingData
from wrinkle_train.first_weights.initial import WeightFiles, initial_network
from wrinkle_train.fitting.fit import FitLimits, FitResult, Validation, fit
from wrinkle_train.fitting.module import SegmentationModule
from wrinkle_train.fitting.pretraining import pretraining_module
from wrinkle_train.fitting.processes import process_count, process_rank
from wrinkle_train.fitting.schedule import RunLength
from wrinkle_train.fitting.validation import mean_f1
from wrinkle_train.networks.registry import build_network
from wrinkle_train.recipe import PretrainingStage, Recipe
from wrinkle_train.training.run_record import open_record, read_record
from wrinkle_train.weights_file import save_weights

__all__ = [
    "BEST_FILE",
    "WEIGHTS_FILE",
    "FinishedStage",
    "RunResult",
    "finished_run",
    "finished_stage",
    "pretrain",
    "require_validation",
    "train",
]

WEIGHTS_FILE: Final = "model.safetensors"
BEST_FILE: Final = "best.safetensors"


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run left behind.

    Attributes:
        folder: Holds the run record, ``run.json``, and the rest.
        weights: The last weights, float16 safetensors; averaged when the recipe says so.
        best: The weights with the best validation F1; None without validation.
        steps: Optimiser steps done in all.
        loss: Mean loss over the last 20 steps.
        validation_f1: Of ``best``.
        finished: Whether the run went to its end.
    """

    folder: Path
    weights: Path
    best: Path | None
    steps: int
    loss: float
    validation_f1: float | None
    finished: bool

    @property
    def chosen(self) -> Path:
        """Return the weights to evaluate: the best, or the last without validation."""
        return self.best or self.weights


@dataclass(frozen=True, slots=True)
class FinishedStage:
    """What a pretraining stage left.

    Attributes:
        weights: Float16 safetensors.
        wall_s: Seconds it took, whoever ran it.
    """

    weights: Path
    wall_s: float


def train(
    recipe: Recipe,
    data: TrainingData,
    folder: Path,
    *,
    files: WeightFiles | None = None,
    stage: FinishedStage | None = None,
    limits: FitLimits | None = None,
) -> RunResult:
    """Run ``recipe``, or go on with it when ``folder`` holds a checkpoint of the same recipe.

    Args:
        recipe: The run.
        data: What it learns from.
        folder: Written: ``run.json``, ``last.ckpt``, ``model.safetensors``, ``best.safetensors``, ``curve.jsonl``.
        files: Weights the user named.
        stage: What the recipe's pretraining stage left.
        limits: What ends the call early.

    Raises:
        ArtifactError: The folder belongs to another recipe or other data, or a weights file is missing or fits nothing.
        ContractError: The recipe validates and the data have no validation pictures.
    """
    require_validation(recipe, data)
    network, origin = initial_network(recipe, files or WeightFiles(), stage.weights if stage is not None else None)
    stage_wall_s = stage.wall_s if stage is not None else 0.0
    record = open_record(folder, recipe, data.digest).note(initial_weights=origin, stage_wall_s=stage_wall_s)
    length = RunLength.of(recipe.train, data.records, process_count())
    module = SegmentationModule(recipe, network, length)
    validation = None
    if recipe.train.validate_every is not None and data.validation is not None:
        every = length.in_steps(recipe.train.validate_every)
        pictures = data.validation
        validation = Validation(
            every_steps=every,
            score=lambda trainer, one: mean_f1(trainer, one, pictures()),
            keep=lambda one: save_weights(one.kept, recipe, folder / BEST_FILE),
        )
    weights = folder / WEIGHTS_FILE
    result = fit(
        module,
        data.source,
        folder,
        lambda one: save_weights(one.kept, recipe, weights),
        limits or FitLimits(),
        validation,
    )
    finished = result.steps >= length.steps
    if process_rank() == 0:
        record.close(wall_s=result.wall_s, finished=finished, **_figures(result))
    return RunResult(
        folder=folder,
        weights=weights,
        best=folder / BEST_FILE if result.best_f1 is not None else None,
        steps=result.steps,
        loss=result.loss,
        validation_f1=result.best_f1,
        finished=finished,
    )


def pretrain(
    stage: PretrainingStage, data: TrainingData, folder: Path, *, limits: FitLimits | None = None
) -> RunResult:
    """Run a pretraining stage, or go on with it; ``train`` starts from its weights.

    Args:
        stage: The stage.
        data: What it learns from.
        folder: Written as by ``train``, without validation.
        limits: What ends the call early.

    Raises:
        ArtifactError: The folder belongs to another stage or other data.
    """
    settings = stage.pretraining.train
    assert settings is not None
    record = open_record(folder, stage, data.digest)
    lightning.seed_everything(settings.seed, verbose=False)
    network = build_network(stage.network)
    length = RunLength.of(settings, data.records, process_count())
    module = pretraining_module(stage, network, length)
    weights = folder / WEIGHTS_FILE
    result = fit(module, data.source, folder, lambda one: save_weights(one.kept, stage, weights), limits or FitLimits())
    finished = result.steps >= length.steps
    if process_rank() == 0:
        record.close(wall_s=result.wall_s, finished=finished, **_figures(result))
    return RunResult(folder, weights, None, result.steps, result.loss, None, finished)


def finished_stage(
    stage: PretrainingStage, data: TrainingData, folder: Path, *, limits: FitLimits | None = None
) -> FinishedStage:
    """Return what a pretraining stage left in ``folder``; it is run unless that is done.

    Raises:
        ArtifactError: As ``pretrain``.
        ContractError: A limit ended the stage.
    """
    result = finished_run(folder, stage, data.digest) or pretrain(stage, data, folder, limits=limits)
    if not result.finished:
        raise ContractError(f"The pretraining stage stopped at step {result.steps}; run it to its end first.")
    record = read_record(folder)
    return FinishedStage(result.weights, float(record.content.get("wall_s", 0.0)) if record is not None else 0.0)


def require_validation(recipe: Recipe, data: TrainingData) -> None:
    """Check that a recipe that validates has pictures to do it on.

    Raises:
        ContractError: It has none.
    """
    if recipe.train.validate_every is not None and data.validation is None:
        raise ContractError(
            "The recipe validates and the data have no validation pictures: take train.validate_every out of it, "
            "choose data.split 8:1:1, or add pictures to the list val.txt."
        )


def finished_run(folder: Path, recipe: Recipe | PretrainingStage, data_digest: str) -> RunResult | None:
    """Return what a finished run left in ``folder``, None when there is none or it is not finished.

    Raises:
        ArtifactError: The folder belongs to another recipe or other data.
    """
    if read_record(folder) is None:
        return None
    record = open_record(folder, recipe, data_digest)
    weights, best = folder / WEIGHTS_FILE, folder / BEST_FILE
    if not record.is_finished or not weights.exists():
        return None
    f1 = record.content["validation_f1"]
    return RunResult(
        folder=folder,
        weights=weights,
        best=best if f1 is not None else None,
        steps=int(record.content["steps"]),
        loss=float(record.content["loss"]),
        validation_f1=f1,
        finished=True,
    )


def _figures(result: FitResult) -> dict[str, float | int | None]:
    return {"steps": result.steps, "loss": result.loss, "validation_f1": result.best_f1}
