"""Measure one replica: photographs one at a time, and after each what every step has worked on it.

The time of a step is Triton's own, without its queue. What is left of the time that the caller waited is the front end:
HTTP, scheduling and copying between the steps. The server must have the cores, and the caller, to itself.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from wrinkle_core.contract import SegmenterContract
from wrinkle_core.errors import ServerFaultError
from wrinkle_scaling.measuring.statistics import TritonStatistics
from wrinkle_scaling.replica.profile import Bounds, ReplicaProfile, StepProfile
from wrinkle_server.triton.raw_inference import infer_raw

__all__ = ["Measurement", "measure", "profile_of"]

_FRONT_END: Final = "front_end"
_PATIENCE_S: Final = 60.0
_COUNTED_WITHIN_S: Final = 5.0
_POLL_S: Final = 0.005


@dataclass
class Measurement:
    """Times of single photographs.

    Attributes:
        seconds: Of each step and the front end, one a photograph.
        latencies_s: What the caller waited.
    """

    seconds: dict[str, list[float]] = field(default_factory=dict)
    latencies_s: list[float] = field(default_factory=list)

    def add(self, latency_s: float, worked_s: Mapping[str, float]) -> None:
        """Take in one photograph."""
        self.latencies_s.append(latency_s)
        for name, seconds in worked_s.items():
            self.seconds.setdefault(name, []).append(seconds)
        self.seconds.setdefault(_FRONT_END, []).append(max(0.0, latency_s - sum(worked_s.values())))

    def joined(self, other: Measurement) -> Measurement:
        """Return both measurements as one."""
        names = self.seconds.keys() | other.seconds.keys()
        seconds = {name: [*self.seconds.get(name, ()), *other.seconds.get(name, ())] for name in names}
        return Measurement(seconds, [*self.latencies_s, *other.latencies_s])


def measure(host: str, http_port: int, spec: SegmenterContract, photo: bytes, *, runs: int) -> Measurement:
    """Send a photograph ``runs`` times, one after the other.

    Args:
        host: Of a server that nobody else uses.
        http_port: Its HTTP port.
        spec: The segmenter whose ensemble is asked.
        photo: An encoded photograph.
        runs: How often it is sent.

    Raises:
        ServerFaultError: Somebody else asks the server too.
        WrinkleError: The server does not answer, or refuses.
    """
    found = Measurement()
    with TritonStatistics(host, http_port, spec) as statistics:
        before = statistics.worked()
        infer_raw(host, http_port, spec.ensemble, photo, _PATIENCE_S)  # the first fills caches and is not counted
        before = _after_one_more(statistics, before)
        for _ in range(runs):
            began_s = time.perf_counter()
            infer_raw(host, http_port, spec.ensemble, photo, _PATIENCE_S)
            latency_s = time.perf_counter() - began_s
            after = _after_one_more(statistics, before)
            found.add(latency_s, {name: after[name][1] - before[name][1] for name in statistics.steps})
            before = after
    return found


def _after_one_more(
    statistics: TritonStatistics, before: Mapping[str, tuple[int, float]]
) -> dict[str, tuple[int, float]]:
    """Return the statistics with one photograph more; Triton counts it a moment after it has answered."""
    until_s = time.monotonic() + _COUNTED_WITHIN_S
    while True:
        after = statistics.worked()
        more = {after[name][0] - before[name][0] for name in statistics.steps}
        if more == {1}:
            return after
        if max(more) > 1 or time.monotonic() > until_s:
            raise ServerFaultError("Somebody else asks this server; measure one that nobody uses.")
        time.sleep(_POLL_S)


def profile_of(
    measurement: Measurement,
    statistics: TritonStatistics,
    bounds: Bounds,
    *,
    cores: int,
    name: str,
    origin: str,
) -> ReplicaProfile:
    """Return the profile of a replica on a CPU.

    Args:
        measurement: Its times.
        statistics: Of the server that was measured.
        bounds: What it refuses.
        cores: What it was pinned to.
        name: Of the profile.
        origin: What was measured, where and how.
    """
    configs = statistics.configs()
    preprocess, segment, threshold = (
        StepProfile(
            name=step,
            share=float(min(configs[step].threads or cores, cores)),
            instances=configs[step].instances,
            seconds={1: tuple(measurement.seconds[step])},
        )
        for step in statistics.steps
    )
    return ReplicaProfile(
        name=name,
        origin=origin,
        measured=True,
        cores=float(cores),
        front_end=StepProfile(name=_FRONT_END, instances=None, seconds={1: tuple(measurement.seconds[_FRONT_END])}),
        preprocess=preprocess,
        segment=segment,
        threshold=threshold,
        bounds=bounds,
    )
