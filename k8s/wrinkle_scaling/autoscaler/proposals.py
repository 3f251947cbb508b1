"""How many replicas one metric asks for.

The rule is ``ceil(replicas * metric / target)``, left alone while metric/target is within tolerance. Which replicas
count differs by the metric's form, and pods without a value are taken in the way that changes least.

A metric and its target are counted in thousandths: an adapter hands them over as quantities, rest cut off, and the
controller computes with the whole numbers.

Source: Kubernetes documentation, Horizontal Pod Autoscaling, "Algorithm details", and "Quantities".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wrinkle_scaling.autoscaler.spec import Tolerances

__all__ = ["PodValues", "proposal", "proposal_of_pods", "proposal_of_total", "proposal_of_value"]

_MILLI: Final = 1000


@dataclass(frozen=True, slots=True)
class PodValues:
    """One metric of every pod.

    Attributes:
        ready: Values of the ready pods that report.
        unready: Number of pods that are not ready yet; a real controller counts a pod whose containers run as missing.
        missing: Number of ready pods without a value.
    """

    ready: Mapping[str, float]
    unready: int = 0
    missing: int = 0


def proposal_of_total(total: float, target_per_replica: float, replicas: int, tolerances: Tolerances) -> int:
    """Return the replicas for an external metric with an AverageValue target, the form that KEDA uses.

    Args:
        total: The metric over the whole service.
        target_per_replica: What each replica should have of it.
        replicas: Replicas there are, ready or not.
        tolerances: When to leave them.
    """
    per_replica = _target_milli(target_per_replica)
    if replicas and tolerances.hold(_milli(total) / (per_replica * replicas)):
        return replicas
    return math.ceil(_milli(total) / per_replica)


def proposal_of_value(value: float, target: float, replicas: int, ready: int, tolerances: Tolerances) -> int:
    """Return the replicas for a metric whose own value has a target, such as a mean time in a queue.

    Args:
        value: The metric.
        target: What it should be.
        replicas: Replicas there are.
        ready: How many of them are ready; only they made the metric what it is.
        tolerances: When to leave them.
    """
    ratio = _milli(value) / _target_milli(target)
    if not replicas:
        return math.ceil(ratio)
    return replicas if tolerances.hold(ratio) else math.ceil(ratio * ready)


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
    target_milli = _target_milli(target)
    reported = [_milli(value) for value in values.ready.values()]
    ratio = _mean_ratio(reported, target_milli)
    growing = ratio > 1.0
    counts_unready = growing and values.unready > 0
    if not counts_unready and not values.missing:
        return replicas if tolerances.hold(ratio) else math.ceil(ratio * len(reported))
    # A pod without a value is at its target when the others ask for fewer, idle when they ask for more.
    assumed = list(reported)
    if values.missing and ratio != 1.0:
        assumed += [0 if growing else target_milli] * values.missing
    if counts_unready:
        assumed += [0] * values.unready
    cautious = _mean_ratio(assumed, target_milli)
    turned = (ratio < 1.0 < cautious) or (cautious < 1.0 < ratio)
    if tolerances.hold(cautious) or turned:
        return replicas
    wanted = math.ceil(cautious * len(assumed))
    if (cautious < 1.0 and wanted > replicas) or (cautious > 1.0 and wanted < replicas):
        return replicas
    return wanted


def proposal(proposals: Sequence[int | None], replicas: int) -> int | None:
    """Return what several metrics ask for together: the most.

    With a metric unknown nothing is taken away, since it might have asked for more: None, and the controller leaves
    everything as it is and remembers no recommendation.

    Args:
        proposals: What each asks for; None for one that is unknown.
        replicas: Replicas there are.
    """
    known = [each for each in proposals if each is not None]
    if not known or (len(known) < len(proposals) and max(known) < replicas):
        return None
    return max(known)


def _mean_ratio(values_milli: Sequence[int], target_milli: int) -> float:
    return sum(values_milli) // len(values_milli) / target_milli


def _milli(value: float) -> int:
    return int(value * _MILLI)


def _target_milli(target: float) -> int:
    """Return a target as its decimal in the manifest says it, at least a thousandth."""
    return max(1, round(target * _MILLI))
