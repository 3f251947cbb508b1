"""Running a recipe: trainer, time limit, resumable checkpoints, run record, weights as safetensors."""

from __future__ import annotations

import json
import logging
import os
import time
import warnings
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint, TQDMProgressBar
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch.utils.data import DataLoader

from wrinkle_core.errors import ArtifactError
from wrinkle_train.dataset import RenderedCrops
from wrinkle_train.module import SegmentationModule
from wrinkle_train.networks.deployable import Deployable
from wrinkle_train.networks.registry import build_network
from wrinkle_train.recipe import Recipe
from wrinkle_train.render.faces import Library

__all__ = ["WEIGHTS_FILE", "RunResult", "load_weights", "save_weights", "train"]

WEIGHTS_FILE: Final = "model.safetensors"
_RECORD_EVERY_STEPS: Final = 20


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run left behind.

    Attributes:
        weights: The averaged weights, float16 safetensors.
        steps: Optimiser steps done in all.
        loss: Mean loss over the last 20 steps.
    """

    weights: Path
    steps: int
    loss: float


class _Record(lightning.Callback):
    """Appends the run's curve to ``curve.jsonl``, saves weights beside each checkpoint, stops at the time limit."""

    def __init__(self, folder: Path, recipe: Recipe, max_minutes: float | None) -> None:
        self._folder = folder
        self._recipe = recipe
        self._deadline_s = None if max_minutes is None else time.monotonic() + 60 * max_minutes
        self._saved_s = time.monotonic()
        self._losses: list[float] = []
        self.last_loss = float("nan")

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, *_: Any
    ) -> None:
        assert isinstance(pl_module, SegmentationModule)
        self._losses.append(float(outputs["loss"]))
        step = trainer.global_step
        if step % _RECORD_EVERY_STEPS == 0 or step >= self._recipe.train.steps:
            self.last_loss = sum(self._losses) / len(self._losses)
            self._losses.clear()
            line = {"step": step, "loss": round(self.last_loss, 5), "train_f1": round(pl_module.take_f1(), 4)}
            with (self._folder / "curve.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps({**line, "unix_s": round(time.time(), 1)}) + "\n")
        if time.monotonic() - self._saved_s > self._recipe.train.checkpoint_every_s:
            self._saved_s = time.monotonic()
            save_weights(pl_module.average, self._recipe, self._folder / WEIGHTS_FILE)
        if self._deadline_s is not None and time.monotonic() > self._deadline_s:
            trainer.should_stop = True


def train(
    recipe: Recipe,
    library: Library,
    folder: Path,
    *,
    max_steps: int | None = None,
    max_minutes: float | None = None,
    show_progress: bool = True,
) -> RunResult:
    """Run ``recipe``, or go on with it when ``folder`` holds a checkpoint of the same recipe.

    Args:
        recipe: The run; its schedule is not shortened by the two limits.
        library: Training faces and drawings.
        folder: Written: ``last.ckpt``, ``model.safetensors``, ``curve.jsonl``, ``recipe.json``.
        max_steps: Stop after so many steps in all.
        max_minutes: Stop after so many minutes of this call.
        show_progress: Draw a progress bar.

    Raises:
        ArtifactError: The folder belongs to another recipe.
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "last.ckpt"
    done = _steps_done(checkpoint, folder, recipe)
    lightning.seed_everything(recipe.train.seed, verbose=False)
    module = SegmentationModule(recipe)
    record = _Record(folder, recipe, max_minutes)
    saver = ModelCheckpoint(
        dirpath=folder,
        filename="last",
        train_time_interval=timedelta(seconds=recipe.train.checkpoint_every_s),
        save_top_k=1,
        enable_version_counter=False,
    )
    callbacks: list[lightning.Callback] = [record, saver]
    if show_progress:
        callbacks.append(TQDMProgressBar(refresh_rate=5))
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_steps=min(max_steps or recipe.train.steps, recipe.train.steps),
        max_epochs=-1,
        gradient_clip_val=recipe.train.gradient_clip,
        callbacks=callbacks,
        logger=False,
        enable_checkpointing=True,
        enable_progress_bar=show_progress,
        enable_model_summary=False,
        default_root_dir=folder,
    )
    loader = DataLoader(
        RenderedCrops(library, recipe, done),
        batch_size=None,
        num_workers=recipe.train.workers,
        prefetch_factor=4 if recipe.train.workers else None,
        # Not fork: OpenCV, OpenVINO and torch hold thread pools that a forked worker would wait for without end.
        multiprocessing_context="spawn" if recipe.train.workers else None,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")  # eval-mode average, resumed folder: both are meant
        trainer.fit(module, loader, ckpt_path=checkpoint if done else None, weights_only=True)
        trainer.save_checkpoint(checkpoint)
    weights = save_weights(module.average, recipe, folder / WEIGHTS_FILE)
    return RunResult(weights, trainer.global_step, record.last_loss)


def save_weights(network: Deployable, recipe: Recipe, path: Path) -> Path:
    """Write ``network`` as float16 safetensors with its recipe in the header; the file is replaced at once."""
    tensors = {
        name: (value.half() if value.dtype == torch.float32 else value).contiguous()
        for name, value in network.state_dict().items()
    }
    partial = path.with_name(f".{path.name}.partial")
    save_file(tensors, partial, metadata={"recipe": recipe.model_dump_json(), "format": "pt"})
    os.replace(partial, path)
    return path


def load_weights(path: Path) -> tuple[Deployable, Recipe]:
    """Return the network a safetensors file holds, ready to evaluate, and its recipe.

    Raises:
        ArtifactError: The file is missing or was not written by ``save_weights``.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        tensors = load_file(path)
    except (OSError, SafetensorError):
        raise ArtifactError(f"{path.name} is missing or no safetensors file.") from None
    if "recipe" not in metadata:
        raise ArtifactError(f"{path.name} names no recipe; train it with `wrinkle train`.")
    recipe = Recipe.model_validate_json(metadata["recipe"])
    bare = recipe.network.model_copy(update={"imagenet": False})
    network = build_network(bare)
    network.load_state_dict(
        {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}
    )
    return network.eval(), recipe


def _steps_done(checkpoint: Path, folder: Path, recipe: Recipe) -> int:
    """Return how far the run in ``folder`` is, after checking that it is this recipe's."""
    note = folder / "recipe.json"
    if note.exists() and json.loads(note.read_text(encoding="utf-8"))["fingerprint"] != recipe.fingerprint():
        raise ArtifactError(f"The folder {folder.name} holds a run of another recipe; choose another --out.")
    note.write_text(
        json.dumps({"fingerprint": recipe.fingerprint(), "recipe": recipe.model_dump()}, indent=2), encoding="utf-8"
    )
    if not checkpoint.exists():
        return 0
    return int(torch.load(checkpoint, map_location="cpu", weights_only=True)["global_step"])
