"""A recorded run of a real controller, and the same run of ours: they must agree.

The document holds the load as steps of an external metric and the numbers of replicas that the real controller went
through. The scripted load does not depend on the replicas, so this tests the controller alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wrinkle_core.errors import InvalidParameterError
from wrinkle_scaling.autoscaler.hpa import HorizontalPodAutoscaler, Observation
from wrinkle_scaling.autoscaler.spec import AutoscalerSpec, MetricTarget, ScalingRules

__all__ = ["RecordedRun", "read_recorded_run", "replay"]

_METRIC = "load"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Target(_Part):
    type: Literal["External"]
    target: Literal["AverageValue"]
    average_value: Annotated[float, Field(gt=0.0)]


class _Load(_Part):
    from_s: float
    total: Annotated[float, Field(ge=0.0)]


class RecordedRun(_Part):
    """One recorded run."""

    what: str
    min_replicas: int
    max_replicas: int
    metric: _Target
    tolerance: float
    scale_up: ScalingRules
    scale_down: ScalingRules
    load: Annotated[tuple[_Load, ...], Field(min_length=1)]
    observed_replicas_in_order: Annotated[tuple[int, ...], Field(min_length=1)]

    def total(self, at_s: float) -> float:
        """Return the metric at a time."""
        return next((step.total for step in reversed(self.load) if step.from_s <= at_s), self.load[0].total)


def read_recorded_run(path: Path) -> RecordedRun:
    """Read a recorded run.

    Raises:
        InvalidParameterError: The file cannot be read or says something else.
    """
    try:
        return RecordedRun.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InvalidParameterError(f"{path.name} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        raise InvalidParameterError(f"{path.name} is no recorded run: {error}") from error


def replay(run: RecordedRun, *, sync_period_s: float = 2.0, offset_s: float = 0.0) -> tuple[tuple[float, int], ...]:
    """Return each change of the replicas with its time, the first number at 0 included.

    Args:
        run: The recorded load and rules.
        sync_period_s: How often the controller looks.
        offset_s: When it looks first; a real one does not start together with the load.
    """
    rules = {"tolerance": run.tolerance}
    spec = AutoscalerSpec(
        min_replicas=run.min_replicas,
        max_replicas=run.max_replicas,
        metrics=(MetricTarget(metric=_METRIC, form="AverageValue", target=run.metric.average_value),),
        scale_up=run.scale_up.model_copy(update=rules),
        scale_down=run.scale_down.model_copy(update=rules),
        sync_period_s=sync_period_s,
    )
    autoscaler = HorizontalPodAutoscaler(spec)
    replicas, at_s, changes = run.min_replicas, offset_s, [(0.0, run.min_replicas)]
    settled_s = run.load[-1].from_s + _longest_s(spec)
    while at_s <= settled_s:
        seen = Observation(replicas, replicas, {_METRIC: run.total(at_s)})
        wanted = autoscaler.reconcile(at_s, seen)
        if wanted != replicas:
            replicas = wanted
            changes.append((at_s, replicas))
        at_s += sync_period_s
    return tuple(changes)


def _longest_s(spec: AutoscalerSpec) -> float:
    """Return how long after the last change of the load a controller may still act."""
    windows_s = max(spec.scale_up.stabilization_window_s, spec.scale_down.stabilization_window_s)
    periods_s = max(policy.period_s for rules in (spec.scale_up, spec.scale_down) for policy in rules.policies)
    return windows_s + spec.max_replicas * (periods_s + spec.sync_period_s)
