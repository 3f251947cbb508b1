"""One step of a replica: a bounded queue and the instances that empty it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

import simpy

from wrinkle_scaling.replica.processor import SharedProcessor
from wrinkle_scaling.replica.profile import Bounds, StepProfile
from wrinkle_scaling.replica.request import Outcome, Request
from wrinkle_scaling.replica.times import ServiceTimes

__all__ = ["Step"]

Pass = Callable[[Request], None]
Refuse = Callable[[Request, Outcome], None]


class Step:
    """One step.

    Attributes:
        waiting: Requests in the queue.
        queue_s: Time spent in the queue so far, summed over the requests that left it, as Triton's counter.
        busy_s: Time of finished calls, each counted once however many photographs it had.
        finished: Requests that left an instance, refused ones included, as Triton's counter.
    """

    def __init__(
        self,
        environment: simpy.Environment,
        profile: StepProfile,
        processor: SharedProcessor,
        times: ServiceTimes,
        bounds: Bounds,
        *,
        on_done: Pass,
        on_refused: Refuse,
        admit: Callable[[], bool] | None = None,
    ) -> None:
        """Set up an empty queue.

        Args:
            environment: The clock.
            profile: The step's figures.
            processor: What it runs on.
            times: Where a call's time comes from.
            bounds: What is refused.
            on_done: Takes what the step finished.
            on_refused: Is told what it refused.
            admit: Asked at the start of a call of one photograph; False turns the call into a refusal.
        """
        self._environment = environment
        self._profile = profile
        self._processor = processor
        self._times = times
        self._bounds = bounds
        self._on_done = on_done
        self._on_refused = on_refused
        self._admit = admit
        self._idle = profile.instances
        self._most = math.inf if bounds.max_queue_size is None else bounds.max_queue_size
        self.waiting: deque[Request] = deque()
        self.queue_s = 0.0
        self.busy_s = 0.0
        self.finished = 0

    def offer(self, request: Request) -> None:
        """Take a request in, or refuse it when the queue is full.

        The server refuses the oldest instead, a little later: as many, and none of them worked on.
        """
        request.queued_s = self._environment.now
        if self._idle is None or (self._idle > 0 and not self.waiting):
            self._start([request])
        elif len(self.waiting) >= self._most:
            self._on_refused(request, Outcome.QUEUE_FULL)
        else:
            self.waiting.append(request)

    def _start(self, batch: list[Request]) -> None:
        if self._idle is not None:
            self._idle -= 1
        now_s = self._environment.now
        for request in batch:
            self.queue_s += now_s - request.queued_s
        if self._admit is not None and not self._admit():
            self._processor.run(self._bounds.refusal_s, 1.0, lambda: self._finish(batch, now_s, self._refuse))
        else:
            seconds = self._times.draw(len(batch))
            self._processor.run(seconds, self._profile.share, lambda: self._finish(batch, now_s, self._on_done))

    def _refuse(self, request: Request) -> None:
        self._on_refused(request, Outcome.NOT_ADMITTED)

    def _finish(self, batch: list[Request], began_s: float, pass_on: Pass) -> None:
        self.busy_s += self._environment.now - began_s
        if self._idle is not None:
            self._idle += 1
        self.finished += len(batch)
        for request in batch:
            pass_on(request)
        while self._idle and self.waiting:
            count = min(len(self.waiting), self._profile.max_batch_size)
            self._start([self.waiting.popleft() for _ in range(count)])
