"""One pod from its creation to its end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from wrinkle_scaling.replica.replica import Replica

__all__ = ["Pod", "PodState"]


class PodState(Enum):
    """Where a pod is in its life."""

    STARTING = auto()
    READY = auto()
    LEAVING = auto()
    ENDED = auto()


@dataclass(slots=True, eq=False)
class Pod:
    """One pod.

    Attributes:
        number: In order of creation.
        created_s: When it was created; from here on it holds its cores and GPUs.
        replica: What runs in it.
        state: Where it is in its life.
        has_node: Whether it is on a node yet.
        ended_s: When it had gone.
    """

    number: int
    created_s: float
    replica: Replica
    state: PodState = PodState.STARTING
    has_node: bool = False
    ended_s: float | None = None

    @property
    def counts(self) -> bool:
        """Whether the autoscaler counts it: until it is told to leave."""
        return self.state in (PodState.STARTING, PodState.READY)
