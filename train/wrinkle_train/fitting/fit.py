"""One Lightning fit: trainer, curve, checkpoints, limits, several processes, going on after a kill."""

from __future__ import annotations

import importlib.util
import logging
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Final

import lightning
import torch
from lightning.pytorch.callbacks import TQDMProgressBar
from lightning.pytorch.loggers import TensorBoardLogger

from wrinkle_core.errors import ArtifactError
from wrinkle_train.batches.kinds import BatchSource
from wrinkle_train.batches.loader import training_loader
from wrinkle_train.fitting.callbacks import Checkpointer, CurveWriter, StepCallback, TimeLimit, Validator
from wrinkle_train.fitting.module import SegmentationModule, TrainedModule
from wrinkle_train.fitting.processes import process_count

__all__ = ["CHECKPOINT_FILE", "CURVE_FILE", "FitLimits", "FitResult", "Validation", "fit", "steps_done"]

CHECKPOINT_FILE: Final = "last.ckpt"
CURVE_FILE: Final = "curve.jsonl"
_REFRESH_STEPS: Final = 5


@dataclass(frozen=True, slots=True)
class FitLimits:
    """What ends a call before its run is over; the schedule is not shortened.

    Attributes:
        max_steps: Optimiser steps in all.
        max_minutes: Minutes of this call.
        show_progress: Draw a progress bar.
    """

    max_steps: int | None = None
    max_minutes: float | None = None
    show_progress: bool = True


@dataclass(frozen=True, slots=True)
class FitResult:
    """How far a fit came.

    Attributes:
        steps: Optimiser steps done in all.
        loss: Mean over the last 20 steps.
        best_f1: Best validation F1, None without validation.
        wall_s: Seconds of this call.
    """

    steps: int
    loss: float
    best_f1: float | None
    wall_s: float


@dataclass(frozen=True, slots=True)
class Validation:
    """Validation of a fit.

    Attributes:
        every_steps: Interval.
        score: Mean per-image F1 over all processes.
        keep: Saves the best weights.
    """

    every_steps: int
    score: Callable[[lightning.Trainer, SegmentationModule], float]
    keep: Callable[[SegmentationModule], Any]


def fit(
    module: TrainedModule,
    source: BatchSource,
    folder: Path,
    keep: Callable[[TrainedModule], Any],
    limits: FitLimits,
    validation: Validation | None = None,
) -> FitResult:
    """Train ``module`` to its length, or go on from the checkpoint in ``folder``.

    Args:
        module: As it starts.
        source: Makes the batches.
        folder: Written: ``last.ckpt``, ``curve.jsonl``, TensorBoard's files when that package is installed.
        keep: Saves the module's weights beside each checkpoint and at the end; called by the first process only.
        limits: What ends the call early.
        validation: When and how to validate.

    Raises:
        ArtifactError: The checkpoint is unreadable.
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    settings, checkpoint = module.settings, folder / CHECKPOINT_FILE
    done = steps_done(folder)
    started_s = time.monotonic()
    curve = CurveWriter(folder / CURVE_FILE)
    callbacks: list[StepCallback] = [curve]
    validator = None
    if validation is not None:
        validator = Validator(validation.every_steps, validation.score, validation.keep, curve)
        callbacks.append(validator)
    callbacks.append(Checkpointer(checkpoint, settings.checkpoint_every_s, keep))
    if limits.max_minutes is not None:
        callbacks.append(TimeLimit(limits.max_minutes))
    total = min(limits.max_steps or module.length.steps, module.length.steps)
    trainer = _trainer(module, folder, callbacks, total, limits.show_progress)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")  # eval-mode average, resumed folder: both are meant
        loader = training_loader(source, settings, done)
        trainer.fit(module, loader, ckpt_path=checkpoint if done else None, weights_only=True)
        if trainer.is_global_zero:
            keep(module)
        trainer.save_checkpoint(checkpoint)  # all processes wait here: what was kept is there for each of them
    return FitResult(
        steps=trainer.global_step,
        loss=curve.last_loss,
        best_f1=validator.best_f1 if validator and validator.best_f1 >= 0 else None,
        wall_s=time.monotonic() - started_s,
    )


def steps_done(folder: Path) -> int:
    """Return the optimiser steps of the checkpoint in ``folder``, 0 without one.

    Raises:
        ArtifactError: The checkpoint is unreadable.
    """
    path = folder / CHECKPOINT_FILE
    if not path.exists():
        return 0
    try:
        return int(torch.load(path, map_location="cpu", weights_only=True)["global_step"])
    except (OSError, EOFError, RuntimeError, KeyError, UnpicklingError):
        raise ArtifactError(f"{path.name} in {folder.name} is damaged; remove it to train from the start.") from None


def _trainer(
    module: TrainedModule, folder: Path, callbacks: list[StepCallback], total_steps: int, show_progress: bool
) -> lightning.Trainer:
    processes = process_count()
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    bar = [_Bar(module)] if show_progress else []
    return lightning.Trainer(
        accelerator="gpu" if torch.cuda.is_available() else "cpu",
        devices=local,
        num_nodes=max(processes // local, 1),
        strategy="ddp" if processes > 1 else "auto",
        max_steps=total_steps,
        max_epochs=-1,
        accumulate_grad_batches=module.settings.accumulate,
        gradient_clip_val=module.settings.gradient_clip,
        callbacks=[*callbacks, *bar],
        logger=_logger(folder),
        log_every_n_steps=_REFRESH_STEPS,
        use_distributed_sampler=False,
        enable_checkpointing=False,
        enable_progress_bar=show_progress,
        enable_model_summary=False,
        default_root_dir=folder,
    )


class _Bar(TQDMProgressBar):
    """A bar over the whole run: the loader is endless and knows no length."""

    def __init__(self, module: TrainedModule) -> None:
        super().__init__(refresh_rate=_REFRESH_STEPS * module.settings.accumulate)
        self._parts = module.length.steps * module.settings.accumulate

    @property
    def total_train_batches(self) -> int:
        return self._parts


def _logger(folder: Path) -> TensorBoardLogger | bool:
    """Return TensorBoard's logger, False when that package is missing; ``curve.jsonl`` is written in either case."""
    if importlib.util.find_spec("tensorboard") is None:
        return False
    return TensorBoardLogger(folder, name="", version="tensorboard")
