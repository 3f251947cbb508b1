"""The learning rate over a run: constant, cosine, linear warm-up with cosine, and SGDR with decaying peaks.

Sources: Loshchilov & Hutter, arXiv:1608.03983 (SGDR); the decay of the peak at each restart is paper 2's, which torch's
own scheduler does not have.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from wrinkle_train.recipe_schema.optimisation import (
    ConstantSchedule,
    CosineSchedule,
    SgdrSchedule,
    TrainRecipe,
)

__all__ = ["RunLength", "rate_factor", "sgdr_factor"]


@dataclass(frozen=True, slots=True)
class RunLength:
    """How long a run is.

    Attributes:
        steps: Optimiser steps in all.
        steps_per_unit: Steps per epoch when the recipe counts in epochs, need not be whole; 1 when it counts in steps.
    """

    steps: int
    steps_per_unit: float = 1.0

    @classmethod
    def of(cls, train: TrainRecipe, records: int | None, processes: int = 1) -> RunLength:
        """Return the length of a run on ``records`` pictures; None when they are endless, which needs steps."""
        if train.epochs is None or records is None:
            return cls(train.length)
        steps_per_epoch = records / (train.batch_size * processes)
        return cls(math.ceil(train.epochs * steps_per_epoch), steps_per_epoch)

    def in_steps(self, units: float) -> int:
        """Return ``units`` (epochs or steps) as at least one whole step."""
        return max(round(units * self.steps_per_unit), 1)


def sgdr_factor(t: int, schedule: SgdrSchedule) -> float:
    """Return lr(t) / learning_rate of SGDR, where ``t`` counts whole epochs or steps from 0."""
    start, period, peak = 0, schedule.first_period, 1.0
    while t >= start + period:
        start, period, peak = start + period, period * schedule.period_factor, peak * schedule.peak_decay
    return 0.5 * peak * (1 + math.cos(math.pi * (t - start) / period))


def rate_factor(train: TrainRecipe, length: RunLength) -> Callable[[int], float]:
    """Return the function from optimiser step (0-based) to lr / learning_rate.

    A recipe that counts in epochs keeps its rate within an epoch, as the papers' training does.
    """
    schedule = train.schedule

    def factor(step: int) -> float:
        unit = int(step / length.steps_per_unit + 1e-9)
        if isinstance(schedule, ConstantSchedule):
            return 1.0
        if isinstance(schedule, SgdrSchedule):
            return sgdr_factor(unit, schedule)
        if isinstance(schedule, CosineSchedule):
            floor = schedule.floor / train.learning_rate
            return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(unit / train.length, 1.0)))
        if step < train.warm_up_steps:
            return (step + 1) / (train.warm_up_steps + 1)
        t = (step - train.warm_up_steps) / max(length.steps - train.warm_up_steps, 1)
        return 0.5 * (1 + math.cos(math.pi * min(t, 1.0)))

    return factor
