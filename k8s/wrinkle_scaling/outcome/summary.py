"""One run in figures."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from wrinkle_scaling.outcome.record import Record
from wrinkle_scaling.replica.request import Outcome

__all__ = ["Summary", "summarise"]


@dataclass(frozen=True, slots=True)
class Summary:
    """One run in figures.

    Attributes:
        title: The scenario's.
        profile: The replica's figures that were used.
        measured: Whether these come from a measurement.
        arrived: Photographs that came.
        answered: Photographs that got an answer.
        refused: Photographs that got none, by the reason.
        answered_hz: Answers per second over the run.
        p50_s: Time to an answer, median.
        p95_s: The same, 95th percentile.
        p99_s: The same, 99th percentile.
        kept_promise: Share of all photographs that were answered within the scenario's ``promised_s``.
        replicas_lowest: Fewest replicas.
        replicas_mean: Mean over time.
        replicas_highest: Most.
        changes: How often the number changed.
        replica_h: Hours that replicas were there, their starts included.
        core_h: Core hours that they held.
        gpu_h: GPU hours that they held.
    """

    title: str
    profile: str
    measured: bool
    arrived: int
    answered: int
    refused: dict[str, int]
    answered_hz: float
    p50_s: float | None
    p95_s: float | None
    p99_s: float | None
    kept_promise: float
    replicas_lowest: int
    replicas_mean: float
    replicas_highest: int
    changes: int
    replica_h: float
    core_h: float
    gpu_h: float

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


def summarise(record: Record) -> Summary:
    """Return a run's figures."""
    latencies_s = record.latencies_s()
    quantiles = [float(np.quantile(latencies_s, share)) if latencies_s.size else None for share in (0.5, 0.95, 0.99)]
    counts = [point.replicas for point in record.curve]
    replica_h = record.replica_s / 3600.0
    in_time = int(np.count_nonzero(latencies_s <= record.scenario.promised_s))
    return Summary(
        title=record.scenario.title,
        profile=record.scenario.profile.name,
        measured=record.scenario.profile.measured,
        arrived=int(record.arrived_s.size),
        answered=int(latencies_s.size),
        refused={
            outcome.name.lower(): int(np.count_nonzero(record.ended_as(outcome)))
            for outcome in Outcome
            if outcome is not Outcome.ANSWERED and record.ended_as(outcome).any()
        },
        answered_hz=latencies_s.size / record.closed_s,
        p50_s=quantiles[0],
        p95_s=quantiles[1],
        p99_s=quantiles[2],
        kept_promise=in_time / record.arrived_s.size if record.arrived_s.size else 1.0,
        replicas_lowest=min(counts),
        replicas_mean=_mean_replicas(record),
        replicas_highest=max(counts),
        changes=sum(a != b for a, b in pairwise(counts)),
        replica_h=replica_h,
        core_h=replica_h * record.scenario.profile.cores,
        gpu_h=replica_h * record.scenario.profile.gpus,
    )


def _mean_replicas(record: Record) -> float:
    until_s = [point.at_s for point in record.curve[1:]] + [record.closed_s]
    area = sum(point.replicas * (end_s - point.at_s) for point, end_s in zip(record.curve, until_s, strict=True))
    return area / record.closed_s
