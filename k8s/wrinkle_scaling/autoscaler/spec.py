"""What an autoscaler is told: the fields of autoscaling/v2's ``HorizontalPodAutoscaler``, and KEDA's beside them.

Source: Kubernetes API reference, HorizontalPodAutoscaler v2; KEDA, ScaledObject specification.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = [
    "DEFAULT_SCALE_DOWN",
    "DEFAULT_SCALE_UP",
    "DEFAULT_TOLERANCE",
    "AutoscalerSpec",
    "KedaSpec",
    "MetricTarget",
    "ScalingPolicy",
    "ScalingRules",
    "Tolerances",
]

DEFAULT_TOLERANCE: Final = 0.1

PositiveSeconds = Annotated[float, Field(gt=0.0, le=86400.0)]


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ScalingPolicy(_Spec):
    """How much may change within a period: a number of pods, or a share of those there at its start."""

    type: Literal["Pods", "Percent"]
    value: Annotated[int, Field(ge=1)]
    period_s: Annotated[float, Field(gt=0.0, le=1800.0)]


class ScalingRules(_Spec):
    """One direction of ``behavior``.

    Attributes:
        stabilization_window_s: How far back recommendations count; the most cautious of them is followed.
        select_policy: Max follows the policy that allows the largest change, Min the smallest, Disabled none.
        policies: What may change in how long.
        tolerance: Share by which the metric may miss its target without a change.
    """

    stabilization_window_s: Annotated[float, Field(ge=0.0, le=3600.0)] = 0.0
    select_policy: Literal["Max", "Min", "Disabled"] = "Max"
    policies: Annotated[tuple[ScalingPolicy, ...], Field(min_length=1)]
    tolerance: Annotated[float, Field(ge=0.0, lt=1.0)] = DEFAULT_TOLERANCE


DEFAULT_SCALE_UP: Final = ScalingRules(
    policies=(
        ScalingPolicy(type="Percent", value=100, period_s=15.0),
        ScalingPolicy(type="Pods", value=4, period_s=15.0),
    )
)
DEFAULT_SCALE_DOWN: Final = ScalingRules(
    stabilization_window_s=300.0, policies=(ScalingPolicy(type="Percent", value=100, period_s=15.0),)
)


class Tolerances(_Spec):
    """By what share a metric may be above or below its target."""

    up: float = DEFAULT_TOLERANCE
    down: float = DEFAULT_TOLERANCE

    def hold(self, ratio: float) -> bool:
        """Return whether metric/target is close enough to 1 to leave things as they are."""
        return 1.0 - self.down <= ratio <= 1.0 + self.up


class MetricTarget(_Spec):
    """A metric and what it should be.

    Attributes:
        metric: Its name; the cluster's metrics know it.
        form: Value compares the metric itself with the target, AverageValue the metric divided by the replicas, Pods
            the mean over the pods that report it.
        target: In the metric's unit, per replica unless ``form`` is Value.
    """

    metric: str
    form: Literal["Value", "AverageValue", "Pods"]
    target: Annotated[float, Field(gt=0.0)]


class KedaSpec(_Spec):
    """What KEDA does beside the autoscaler that it makes: it looks after 0 replicas and after waking up.

    Attributes:
        polling_interval_s: How often it asks for the metrics.
        cooldown_s: How long no metric may be above its activation threshold before the last replica goes.
        activation_thresholds: By metric; a metric above its own wakes the service.
    """

    polling_interval_s: PositiveSeconds = 30.0
    cooldown_s: Annotated[float, Field(ge=0.0, le=86400.0)] = 300.0
    activation_thresholds: dict[str, float] = Field(default_factory=dict)


class AutoscalerSpec(_Spec):
    """An autoscaler.

    Attributes:
        min_replicas: Fewest; 0 only with ``keda``.
        max_replicas: Most.
        metrics: The largest of their proposals is followed.
        scale_up: Rules for more.
        scale_down: Rules for fewer.
        sync_period_s: How often the controller looks.
        keda: Set when KEDA is in charge.
    """

    min_replicas: Annotated[int, Field(ge=0, le=10_000)]
    max_replicas: Annotated[int, Field(ge=1, le=10_000)]
    metrics: Annotated[tuple[MetricTarget, ...], Field(min_length=1)]
    scale_up: ScalingRules = DEFAULT_SCALE_UP
    scale_down: ScalingRules = DEFAULT_SCALE_DOWN
    sync_period_s: PositiveSeconds = 15.0
    keda: KedaSpec | None = None

    @model_validator(mode="after")
    def _consistent(self) -> AutoscalerSpec:
        if self.max_replicas < self.min_replicas:
            raise ValueError(f"max_replicas {self.max_replicas} is below min_replicas {self.min_replicas}")
        if self.min_replicas == 0 and self.keda is None:
            raise ValueError("only KEDA can go down to 0 replicas: set keda, or min_replicas to 1")
        unknown = set(self.keda.activation_thresholds if self.keda else ()) - {each.metric for each in self.metrics}
        if unknown:
            raise ValueError(f"activation thresholds for metrics that are not asked for: {', '.join(sorted(unknown))}")
        return self

    @property
    def tolerances(self) -> Tolerances:
        """Both directions' tolerances."""
        return Tolerances(up=self.scale_up.tolerance, down=self.scale_down.tolerance)

    @property
    def lowest_running(self) -> int:
        """Fewest replicas while the service is awake."""
        return max(self.min_replicas, 1)
