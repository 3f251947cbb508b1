"""The controller: metrics in, number of replicas out, once per sync period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wrinkle_core.errors import ContractError
from wrinkle_scaling.autoscaler.behavior import Behavior
from wrinkle_scaling.autoscaler.proposals import (
    PodValues,
    proposal,
    proposal_of_pods,
    proposal_of_total,
    proposal_of_value,
)
from wrinkle_scaling.autoscaler.spec import AutoscalerSpec, MetricTarget

__all__ = ["HorizontalPodAutoscaler", "Observation"]


@dataclass(frozen=True, slots=True)
class Observation:
    """What the controller sees.

    Attributes:
        replicas: Replicas there are, ready or not.
        ready: How many are ready. A real controller also counts a leaving pod until its probe says no; ours does so
            within a period of the probe.
        values: Metrics of the service by name; one that cannot be had is left out.
        pods: Metrics that pods report themselves, by name.
    """

    replicas: int
    ready: int
    values: Mapping[str, float] = field(default_factory=dict)
    pods: Mapping[str, PodValues] = field(default_factory=dict)


class HorizontalPodAutoscaler:
    """One autoscaler of autoscaling/v2."""

    def __init__(self, spec: AutoscalerSpec) -> None:
        self.spec = spec
        self._behavior = Behavior(spec)

    def reconcile(self, now_s: float, seen: Observation) -> int:
        """Return how many replicas there shall be.

        Args:
            now_s: Not before the last call's.
            seen: What is there. With 0 replicas the autoscaler sleeps and returns 0.
        """
        self._behavior.begin(now_s, seen.replicas)
        wanted = self._wanted(now_s, seen)
        self._behavior.changed(now_s, seen.replicas, wanted)
        return wanted

    def _wanted(self, now_s: float, seen: Observation) -> int:
        if seen.replicas == 0:
            return 0
        if seen.replicas > self.spec.max_replicas:
            return self.spec.max_replicas
        if seen.replicas < self.spec.lowest_running:
            return self.spec.lowest_running
        recommended = proposal([self._proposed(each, seen) for each in self.spec.metrics], seen.replicas)
        if recommended is None:
            return seen.replicas
        return self._behavior.allowed(now_s, seen.replicas, recommended)

    def _proposed(self, target: MetricTarget, seen: Observation) -> int | None:
        tolerances = self.spec.tolerances
        if target.form == "Pods":
            values = seen.pods.get(target.metric)
            return None if values is None else proposal_of_pods(values, target.target, seen.replicas, tolerances)
        value = seen.values.get(target.metric)
        if value is None:
            return None
        if value < 0.0:
            raise ContractError(f"Metric {target.metric} is {value}; an autoscaler's metric is 0 or more.")
        if target.form == "AverageValue":
            return proposal_of_total(value, target.target, seen.replicas, tolerances)
        return proposal_of_value(value, target.target, seen.replicas, seen.ready, tolerances)
