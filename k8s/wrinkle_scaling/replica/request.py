"""One photograph on its way."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto

__all__ = ["Outcome", "Request"]


class Outcome(Enum):
    """How a request ended; all but the first are ``OVERLOADED`` to its caller."""

    ANSWERED = auto()
    NOT_ADMITTED = auto()
    QUEUE_FULL = auto()
    NO_REPLICA = auto()


class Request:
    """One photograph.

    Attributes:
        number: In order of arrival.
        arrived_s: When it came to the gateway.
        on_end: Called when a replica has answered or refused it.
        queued_s: When it came to the step where it is.
        offered_to: Replicas that it was offered to.
    """

    __slots__ = ("arrived_s", "number", "offered_to", "on_end", "queued_s")

    def __init__(self, number: int, arrived_s: float, on_end: Callable[[Request, Outcome], None]) -> None:
        self.number = number
        self.arrived_s = arrived_s
        self.on_end = on_end
        self.queued_s = arrived_s
        self.offered_to: list[object] = []
