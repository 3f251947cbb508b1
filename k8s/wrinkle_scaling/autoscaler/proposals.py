"""How many replicas one metric asks for.

The rule is ``ceil(replicas * metric / target)``, left alone while metric/target is within tolerance. Which replicas
count differs by the metric's form, and pods without a value are taken in the way that changes least.

Source: Kubernetes documentation, Horizontal Pod Autoscaling, "Algorithm details".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wrinkle_scaling.autoscaler.spec import Tolerances

__all__ = ["PodValues", "proposal", "proposal_of_pods", "proposal_of_total", "proposal_of_value"]

_ROUNDING: Final = 1e-9  # 3.0000000000000004 pods are 3


@dataclass(frozen=True, slots=True)
class PodValues:
    """One metric of every pod.

    Attributes:
        ready: Values of the ready pods that report.
        unready: Number of pods that are not ready yet.
        missing: Number of ready pods without a value.
    """

    ready: Mapping[str, float]
    unready: int = 0
    missing: int = 0


def _ceil(number: float) -> int:
    return math.ceil(number - _ROUNDING)


def proposal_of_total(total: float, target_per_replica: float, replicas: int, tolerances: Tolerances) -> int:
    """Return the replicas for an external metric with an AverageValue target, the form that KEDA uses.

    Args:
        total: The metric over the whole service.
        target_per_replica: What each replica should have of it.
        replicas: Replicas there are, ready or not.
        tolerances: When to leave them.
    """
    if replicas and tolerances.hold(total / (target_per_replica * replicas)):
        return replicas
    return _ceil(total / target_per_replica)


def proposal_of_value(value: float, target: float, replicas: int, ready: int, tolerances: Tolerances) -> int:
    """Return the replicas for a metric whose own value has a target, such as a mean time in a queue.

    Args:
        value: The metric.
        target: What it should be.
        replicas: Replicas there are.
        ready: How many of them are ready; only they made the metric what it is.
        tolerances: When to leave them.
    """
    ratio = value / target
    if tolerances.hold(ratio):
        return replicas
    return _ceil(ratio * ready) if replicas else _ceil(ratio)


def proposal_of_pods(values: PodValues, target: float, replicas: int, tolerances: Tolerances) -> int | None:
    """Return the replicas for a metric that pods report themselves; None when no pod reports.

    Args:
        values: What the pods report.
        target: What a pod should have.
        replicas: Replicas there are.
        tolerances: When to leave them.
    """
    if not values.ready:
        return None
    ratio = _mean_ratio(tuple(values.ready.values()), target)
    growing = ratio > 1.0
    counts_unready = growing and values.unready > 0
    if not counts_unready and not values.missing:
        return replicas if tolerances.hold(ratio) else _ceil(ratio * len(values.ready))
    # A pod without a value is at its target when the others ask for fewer, idle when they ask for more.
    assumed = list(values.ready.values())
    if values.missing and ratio != 1.0:
        assumed += [0.0 if growing else target] * values.missing
    if counts_unready:
        assumed += [0.0] * values.unready
    cautious = _mean_ratio(assumed, target)
    turned = (ratio < 1.0 < cautious) or (cautious < 1.0 < ratio)
    if tolerances.hold(cautious) or turned:
        return replicas
    wanted = _ceil(cautious * len(assumed))
    if (cautious < 1.0 and wanted > replicas) or (cautious > 1.0 and wanted < replicas):
        return replicas
    return wanted


def _mean_ratio(values: Sequence[float], target: float) -> float:
    return math.fsum(values) / len(values) / target


def proposal(proposals: list[int | None], replicas: int) -> int:
    """Return what several metrics ask for together: the most.

    With a metric unknown (None) nothing is taken away, since it might have asked for more.
    """
    known = [each for each in proposals if each is not None]
    if not known or (len(known) < len(proposals) and max(known) < replicas):
        return replicas
    return max(known)
