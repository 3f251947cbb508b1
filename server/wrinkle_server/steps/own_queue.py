"""Refusing requests of a step's own queue while it is longer than it may be, before any work is spent on them.

Triton could refuse them itself, but any queue policy makes its batcher miss free instances (ADR 018). A step cannot
keep requests out of its queue; it empties the queue at the pace of refusals, about a millisecond each, oldest first.
"""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path

from wrinkle_core.errors import ContractError, OverloadedError
from wrinkle_server.steps.pressure import PublishedQueue

__all__ = ["OwnQueue"]


class OwnQueue:
    """Held by one instance of a step: says of each request that it takes whether the queue was too long.

    An instance counts what it took since the last reading began and takes that times the number of instances for the
    whole, so that it refuses its share of the excess and no more, however busy the others are.
    """

    def __init__(
        self,
        run_folder: Path | None,
        model_name: str,
        *,
        max_queue_size: int,
        instances: int,
        warm_up_requests: int = 0,
    ) -> None:
        """Begin with nothing taken.

        Args:
            run_folder: Where the board is, or will be; None refuses nothing.
            model_name: The step's model.
            max_queue_size: How many requests may wait, at least 1.
            instances: Instances that take requests beside and including this one, at least 1.
            warm_up_requests: So many come first and are never refused: an instance whose warm-up fails does not load,
                and would be missed most while many wait.

        Raises:
            ContractError: A number is below 1.
            InvalidParameterError: No model that runs has this name.
        """
        if max_queue_size < 1 or instances < 1:
            raise ContractError(f"max_queue_size {max_queue_size} and instances {instances} must be at least 1.")
        self._queue = PublishedQueue(run_folder, model_name)
        self._name = model_name
        self._max_queue_size = max_queue_size
        self._instances = instances
        self._warm_up_requests = warm_up_requests
        self._taken_ns: deque[int] = deque()

    def take(self) -> None:
        """Take one request out of the queue.

        Raises:
            OverloadedError: With it more waited than may; it must not be worked on.
        """
        if self._warm_up_requests:
            self._warm_up_requests -= 1
            return
        read_ns, pending = self._queue.latest()
        if not read_ns:
            self._taken_ns.clear()
            return
        while self._taken_ns and self._taken_ns[0] < read_ns:
            self._taken_ns.popleft()
        waiting = pending - len(self._taken_ns) * self._instances
        self._taken_ns.append(time.monotonic_ns())
        if waiting > self._max_queue_size:
            raise OverloadedError(
                f"{waiting} requests wait at {self._name}, at most {self._max_queue_size} may; try again later."
            )
