"""One replica: four steps on shared cores, admission ahead of them, and the counters that Prometheus reads.

Admission is the server's own: the supervisor publishes the length of the segmenter's queue twenty times a second, and
a preprocessor lets nothing more in once that number and what it let in since reach ``max_waiting``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import simpy

from wrinkle_scaling.replica.processor import SharedProcessor
from wrinkle_scaling.replica.profile import ReplicaProfile, StepProfile
from wrinkle_scaling.replica.request import Outcome, Request
from wrinkle_scaling.replica.step import Pass, Step
from wrinkle_scaling.replica.times import ServiceTimes

__all__ = ["Counters", "Replica"]


@dataclass(frozen=True, slots=True)
class Counters:
    """What a replica's metrics page says.

    Attributes:
        pending: Requests that wait in its steps.
        queue_s: Time in queues so far, summed over steps and requests.
        finished: Requests that its steps finished so far, summed over the steps.
        answered: Photographs answered so far.
        network_s: Time that the network was at work so far, summed over its instances.
    """

    pending: int
    queue_s: float
    finished: int
    answered: int
    network_s: float


class Replica:
    """One replica.

    Attributes:
        in_flight: Requests that came and did not end.
    """

    def __init__(self, environment: simpy.Environment, profile: ReplicaProfile, generator: np.random.Generator) -> None:
        self._environment = environment
        self._profile = profile
        self._generator = generator
        self._processors = {"cpu": SharedProcessor(environment, profile.cores)}
        if profile.gpus:
            self._processors["gpu"] = SharedProcessor(environment, profile.gpus)
        self._threshold = self._step(profile.threshold, self._answer)
        self._segment = self._step(profile.segment, self._threshold.offer)
        self._preprocess = self._step(profile.preprocess, self._segment.offer, self._admits)
        self._front_end = self._step(profile.front_end, self._preprocess.offer)
        self._publication = -1
        self._published = 0
        self._let_in = 0
        self._answered = 0
        self.in_flight = 0

    def take(self, request: Request) -> None:
        """Begin with a request; its end is told to ``request.on_end``."""
        self.in_flight += 1
        self._front_end.offer(request)

    def counters(self) -> Counters:
        """Return what the metrics page says now."""
        queued = (self._preprocess, self._segment, self._threshold)
        return Counters(
            pending=sum(len(step.waiting) for step in queued),
            queue_s=sum(step.queue_s for step in queued),
            finished=sum(step.finished for step in queued),
            answered=self._answered,
            network_s=self._segment.busy_s,
        )

    def _step(self, profile: StepProfile, on_done: Pass, admit: Callable[[], bool] | None = None) -> Step:
        return Step(
            self._environment,
            profile,
            self._processors[profile.processor],
            ServiceTimes(profile, self._generator),
            self._profile.bounds,
            on_done=on_done,
            on_refused=self._end,
            admit=admit,
        )

    def _admits(self) -> bool:
        bounds = self._profile.bounds
        if bounds.max_waiting is None:
            return True
        publication = int(self._environment.now / bounds.publication_s)
        if publication != self._publication:
            self._publication, self._published, self._let_in = publication, len(self._segment.waiting), 0
        if self._published + self._let_in >= bounds.max_waiting:
            return False
        self._let_in += 1
        return True

    def _answer(self, request: Request) -> None:
        self._answered += 1
        self._end(request, Outcome.ANSWERED)

    def _end(self, request: Request, outcome: Outcome) -> None:
        self.in_flight -= 1
        request.on_end(request, outcome)
