"""What happens after each optimiser step besides the step: curve, validation, checkpoints, limits.

All four act when a step is complete, never between the parts of an accumulated batch, and in this order, so that a
checkpoint holds everything its step brought about and a resumed run repeats an uninterrupted one.
"""

from __future__ import annotations

import json
import time
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import lightning
import torch

from wrinkle_train.fitting.module import SegmentationModule, TrainedModule

__all__ = ["Checkpointer", "CurveWriter", "StepCallback", "TimeLimit", "Validator"]

_RECORD_EVERY_STEPS: Final = 20


class StepCallback(lightning.Callback):
    """Calls ``after_step`` once per optimiser step, with the number of steps done."""

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Pass complete steps on."""
        assert isinstance(pl_module, TrainedModule)
        self.after_part(pl_module)
        if (batch_idx + 1) % pl_module.settings.accumulate == 0:
            self.after_step(trainer, pl_module, trainer.global_step)

    def after_part(self, module: TrainedModule) -> None:
        """Do nothing after each backward pass unless overridden."""

    @abstractmethod
    def after_step(self, trainer: lightning.Trainer, module: TrainedModule, step: int) -> None:
        """Act after optimiser step ``step``, counted from 1."""


class CurveWriter(StepCallback):
    """Appends mean loss, learning rate and training F1 of each 20 steps to ``curve.jsonl``.

    A checkpoint holds the line under way as the first process has it: with several processes, the one line that a kill
    interrupted differs a little after resuming; the weights do not.

    Attributes:
        last_loss: The latest mean.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._losses: list[float] = []
        self.last_loss = float("nan")

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Drop the lines a killed run wrote after its last checkpoint."""
        if trainer.is_global_zero and self._path.exists():
            complete = self._path.read_text(encoding="utf-8").split("\n")[:-1]
            lines = [json.loads(line) for line in complete]
            kept = [json.dumps(line) + "\n" for line in lines if line["step"] <= trainer.global_step]
            self._path.write_text("".join(kept), encoding="utf-8")

    def after_part(self, module: TrainedModule) -> None:
        """Note the loss."""
        self._losses.append(module.last_loss)

    def after_step(self, trainer: lightning.Trainer, module: TrainedModule, step: int) -> None:
        """Write a line when it is due."""
        if step % _RECORD_EVERY_STEPS and step < module.length.steps:
            return
        mean = trainer.strategy.reduce(
            torch.tensor(sum(self._losses) / len(self._losses), device=module.device), reduce_op="mean"
        )
        self.last_loss = float(mean)
        self._losses.clear()
        line: dict[str, float] = {"step": step, "loss": round(self.last_loss, 5)}
        if isinstance(module, SegmentationModule):
            line["train_f1"] = round(module.take_f1(), 4)
        line["learning_rate"] = trainer.optimizers[0].param_groups[0]["lr"]
        self.write(trainer, line)

    def write(self, trainer: lightning.Trainer, line: dict[str, float]) -> None:
        """Append one line, from the first process only."""
        if trainer.is_global_zero:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({**line, "unix_s": round(time.time(), 1)}) + "\n")

    def state_dict(self) -> dict[str, Any]:
        """Return what the next line is made of."""
        return {"losses": list(self._losses), "last_loss": self.last_loss}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with the line a checkpoint was in."""
        self._losses = list(state_dict["losses"])
        self.last_loss = float(state_dict["last_loss"])


class Validator(StepCallback):
    """Validates at fixed steps and calls ``keep`` when F1 is better than ever.

    Args:
        every_steps: Interval in optimiser steps; the last step counts as well.
        score: Returns the mean per-image F1 of the module over the validation pictures of all processes.
        keep: Saves the module's weights.
        curve: Gets the scores as well.

    Attributes:
        best_f1: So far, -1 before the first.
    """

    def __init__(
        self,
        every_steps: int,
        score: Callable[[lightning.Trainer, SegmentationModule], float],
        keep: Callable[[SegmentationModule], Any],
        curve: CurveWriter,
    ) -> None:
        self._every_steps = every_steps
        self._score = score
        self._keep = keep
        self._curve = curve
        self.best_f1 = -1.0

    def after_step(self, trainer: lightning.Trainer, module: TrainedModule, step: int) -> None:
        """Validate when it is due."""
        assert isinstance(module, SegmentationModule)
        if step % self._every_steps and step < module.length.steps:
            return
        f1 = self._score(trainer, module)
        module.log("validation_f1", f1, prog_bar=True)
        self._curve.write(trainer, {"step": step, "validation_f1": round(f1, 4)})
        if f1 > self.best_f1:
            self.best_f1 = f1
            if trainer.is_global_zero:
                self._keep(module)

    def state_dict(self) -> dict[str, Any]:
        """Return the best score."""
        return {"best_f1": self.best_f1}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the best score."""
        self.best_f1 = float(state_dict["best_f1"])


class Checkpointer(StepCallback):
    """Saves a resumable checkpoint and the weights beside it at fixed intervals of time."""

    def __init__(self, path: Path, every_s: float, keep: Callable[[TrainedModule], Any]) -> None:
        self._path = path
        self._every_s = every_s
        self._keep = keep
        self._saved_s = time.monotonic()

    def after_step(self, trainer: lightning.Trainer, module: TrainedModule, step: int) -> None:
        """Save when it is due in any process."""
        due = time.monotonic() - self._saved_s > self._every_s
        if trainer.strategy.reduce_boolean_decision(due, all=False):
            self._saved_s = time.monotonic()
            trainer.save_checkpoint(self._path)
            if trainer.is_global_zero:
                self._keep(module)


class TimeLimit(StepCallback):
    """Ends the run early after so many minutes of this call."""

    def __init__(self, max_minutes: float) -> None:
        self._deadline_s = time.monotonic() + 60 * max_minutes

    def after_step(self, trainer: lightning.Trainer, module: TrainedModule, step: int) -> None:
        """Stop all processes when time is up in any."""
        if trainer.strategy.reduce_boolean_decision(time.monotonic() > self._deadline_s, all=False):
            trainer.should_stop = True
