"""Everything that happened in one run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wrinkle_scaling.replica.request import Outcome

if TYPE_CHECKING:
    from wrinkle_scaling.cluster.deployment import Deployment
    from wrinkle_scaling.scenario import Scenario

__all__ = ["CurvePoint", "Record"]


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """From ``at_s`` on there were so many replicas, of which so many were ready."""

    at_s: float
    replicas: int
    ready: int


class Record:
    """One run.

    Attributes:
        scenario: What was simulated.
        arrived_s: (N,) times at which the photographs came.
        ended_s: (N,) times at which they were answered or refused.
        outcomes: (N,) how they ended, the value of an ``Outcome``; 0 while open.
        open: How many have not ended.
        closed_s: When the run ended.
        replica_s: Time that pods were there, summed over pods.
        curve: Replicas over time.
    """

    def __init__(self, scenario: Scenario, arrived_s: NDArray[np.float64]) -> None:
        self.scenario = scenario
        self.arrived_s = arrived_s
        self.ended_s = np.full_like(arrived_s, np.nan)
        self.outcomes = np.zeros(arrived_s.size, np.int8)
        self.open = int(arrived_s.size)
        self.closed_s = 0.0
        self.replica_s = 0.0
        self.curve: Sequence[CurvePoint] = ()

    def end(self, number: int, at_s: float, outcome: Outcome) -> None:
        """Note how a photograph ended."""
        self.ended_s[number] = at_s
        self.outcomes[number] = outcome.value
        self.open -= 1

    def close(self, at_s: float, deployment: Deployment) -> None:
        """Note the pods at the end of the run."""
        self.closed_s = at_s
        pods = (*deployment.ended, *deployment.pods)
        self.replica_s = sum((at_s if pod.ended_s is None else pod.ended_s) - pod.created_s for pod in pods)
        self.curve = tuple(CurvePoint(*point) for point in deployment.curve)

    def ended_as(self, outcome: Outcome) -> NDArray[np.bool_]:
        """Return (N,) whether each photograph ended so."""
        return np.asarray(self.outcomes == outcome.value)

    def latencies_s(self) -> NDArray[np.float64]:
        """Return the times from arrival to answer of the answered photographs, in order of arrival."""
        answered = self.ended_as(Outcome.ANSWERED)
        return np.asarray(self.ended_s[answered] - self.arrived_s[answered])
