"""One replica against queueing theory and against examples worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import simpy

from wrinkle_export.repository.deployment import Deployment
from wrinkle_scaling.replica.processor import SharedProcessor
from wrinkle_scaling.replica.profile import Bounds, ReplicaProfile, StepProfile
from wrinkle_scaling.replica.replica import Replica
from wrinkle_scaling.replica.request import Outcome, Request
from wrinkle_scaling.replica.times import ServiceTimes

OPEN = Bounds(max_waiting=None, max_queue_size=None)


def step(name: str, *seconds: float, **changed: Any) -> StepProfile:
    return StepProfile(**({"name": name, "seconds": {1: seconds}} | changed))


def profile(segment: StepProfile, *, cores: float = 64.0, bounds: Bounds = OPEN, **changed: Any) -> ReplicaProfile:
    steps: dict[str, Any] = {
        "front_end": step("front_end", 0.0, instances=None),
        "preprocess": step("preprocess", 0.0),
        "threshold": step("threshold", 0.0),
    }
    fields: dict[str, Any] = steps | {
        "segment": segment,
        "name": "test",
        "origin": "test",
        "measured": False,
        "cores": cores,
    }
    return ReplicaProfile(**(fields | {"bounds": bounds} | changed))


def run(one: ReplicaProfile, arrivals_s: Any, seed: int = 0) -> tuple[list[float], list[Outcome], Replica]:
    """Return how long each request took, how it ended, and the replica."""
    environment = simpy.Environment()
    replica = Replica(environment, one, np.random.default_rng(seed))
    ends: dict[int, tuple[float, Outcome]] = {}

    def arriving() -> Any:
        for number, at_s in enumerate(arrivals_s):
            yield environment.timeout(at_s - environment.now)
            replica.take(Request(number, at_s, note))

    def note(request: Request, outcome: Outcome) -> None:
        ends[request.number] = (environment.now - request.arrived_s, outcome)

    environment.process(arriving())
    environment.run()
    assert len(ends) == len(arrivals_s)
    assert replica.in_flight == 0
    ordered = [ends[number] for number in range(len(arrivals_s))]
    return [seconds for seconds, _ in ordered], [outcome for _, outcome in ordered], replica


def poisson(rate_hz: float, count: int, seed: int = 0) -> Any:
    return np.cumsum(np.random.default_rng(seed).exponential(1.0 / rate_hz, count))


@pytest.mark.parametrize("load", [0.3, 0.7])
def test_waiting_is_that_of_an_m_d_1_queue(load: float) -> None:
    """Pollaczek and Khinchine: the mean wait is load / (2 (1 - load)) of a constant service time."""
    seconds, _, _ = run(profile(step("segment", 0.1)), poisson(load / 0.1, 15_000))
    assert np.mean(seconds) - 0.1 == pytest.approx(0.1 * load / (2 * (1 - load)), rel=0.06)


def test_one_shared_core_gives_the_mean_of_processor_sharing() -> None:
    """M/G/1 with processor sharing: the mean time is service / (1 - load), whatever the distribution."""
    spread = step("segment", *np.random.default_rng(1).exponential(0.1, 2000).tolist(), instances=1024)
    one = profile(spread, cores=1.0)
    seconds, _, _ = run(one, poisson(6.0, 15_000))
    service_s = one.segment.mean_s()
    assert np.mean(seconds) == pytest.approx(service_s / (1 - 6.0 * service_s), rel=0.08)


def test_calls_that_fit_do_not_slow_each_other_down_and_those_that_do_not_share() -> None:
    environment = simpy.Environment()
    processor = SharedProcessor(environment, 2.0)
    ended_s: dict[str, float] = {}

    def call(name: str, at_s: float, seconds: float, share: float) -> Any:
        yield environment.timeout(at_s)
        processor.run(seconds, share, lambda: ended_s.__setitem__(name, environment.now))

    environment.process(call("a", 0.0, 1.0, 1.0))
    environment.process(call("b", 0.0, 2.0, 1.0))
    environment.process(call("c", 0.5, 1.0, 2.0))  # 4 shares on 2 cores: half as fast until a ends
    environment.run()
    # a has 0.5 left at 0.5 and ends at 1.5. Then 3 shares on 2 cores: c has 0.5 left and ends 0.75 later, then b.
    assert ended_s["a"] == pytest.approx(1.5)
    assert ended_s["c"] == pytest.approx(2.25)
    assert ended_s["b"] == pytest.approx(2.75)


def test_steps_work_on_different_photographs_at_the_same_time() -> None:
    one = profile(step("segment", 0.3), preprocess=step("preprocess", 0.2), threshold=step("threshold", 0.1))
    seconds, _, _ = run(one, [0.0, 0.0, 0.0])
    assert seconds == pytest.approx([0.6, 0.9, 1.2])


def test_a_gpu_takes_what_waits_as_one_batch() -> None:
    batched = StepProfile(name="segment", processor="gpu", seconds={1: (0.1,), 4: (0.16,)})
    seconds, _, replica = run(profile(batched, gpus=1.0), [0.0, 0.01, 0.02, 0.03])
    assert seconds[0] == pytest.approx(0.1)
    assert [at + done for at, done in zip([0.01, 0.02, 0.03], seconds[1:], strict=True)] == pytest.approx([0.24] * 3)
    assert replica.counters().network_s == pytest.approx(0.24)


def test_nothing_more_is_let_in_while_as_many_wait_as_may() -> None:
    bounds = Bounds(max_waiting=3, publication_s=0.05)
    one = profile(step("segment", 1.0), preprocess=step("preprocess", 0.001), bounds=bounds)
    _, outcomes, _ = run(one, [0.0, 0.2, 0.4, 0.6, 0.8, 0.81, 1.5])
    # One is worked on, three wait: the fifth and sixth are refused. When the first is done there is room again.
    expected = [Outcome.ANSWERED] * 4 + [Outcome.NOT_ADMITTED] * 2 + [Outcome.ANSWERED]
    assert outcomes == expected


def test_a_refusal_costs_its_core_time_and_is_quick() -> None:
    one = profile(step("segment", 1.0), bounds=Bounds(max_waiting=1, refusal_s=0.002))
    seconds, outcomes, _ = run(one, [0.0, 0.2, 0.4])
    assert outcomes[2] is Outcome.NOT_ADMITTED
    assert seconds[2] == pytest.approx(0.002)


def test_a_full_queue_refuses_at_once() -> None:
    bounds = Bounds(max_waiting=None, max_queue_size=2)
    seconds, outcomes, _ = run(profile(step("segment", 1.0), bounds=bounds), [0.0, 0.0, 0.0, 0.0])
    assert outcomes == [*[Outcome.ANSWERED] * 3, Outcome.QUEUE_FULL]
    assert seconds == pytest.approx([1.0, 2.0, 3.0, 0.0])


def test_counters_are_those_of_triton() -> None:
    one = profile(step("segment", 0.5), preprocess=step("preprocess", 0.1), threshold=step("threshold", 0.1))
    _, _, replica = run(one, [0.0, 0.0])
    counters = replica.counters()
    assert (counters.pending, counters.finished, counters.answered) == (0, 6, 2)
    assert counters.queue_s == pytest.approx(0.1 + 0.4)  # at preprocess, then at segment
    assert counters.network_s == pytest.approx(1.0)


def test_drawn_times_have_the_mean_of_the_measured_ones() -> None:
    measured = StepProfile(name="segment", seconds={1: (0.1, 0.2, 0.9), 3: (0.3, 0.3, 0.3)})
    times = ServiceTimes(measured, np.random.default_rng(0))
    assert np.mean([times.draw(1) for _ in range(20_000)]) == pytest.approx(0.4, rel=0.02)
    assert np.mean([times.draw(2) for _ in range(20_000)]) == pytest.approx(0.35, rel=0.02)
    assert times.draw(3) == pytest.approx(0.3)


def test_capacity_is_that_of_what_is_short() -> None:
    assert profile(step("segment", 0.1)).capacity_hz() == pytest.approx(10.0)
    on_one_core = profile(step("segment", 0.1, instances=4), cores=1.0, preprocess=step("preprocess", 0.1))
    assert on_one_core.capacity_hz() == pytest.approx(5.0)
    on_gpu = StepProfile(name="segment", processor="gpu", seconds={1: (0.1,), 8: (0.2,)})
    assert profile(on_gpu, gpus=1.0).capacity_hz() == pytest.approx(40.0)


def test_the_bounds_are_those_of_wrinkle_serve() -> None:
    deployment, bounds = Deployment("openvino"), Bounds()
    assert bounds.max_waiting == deployment.max_waiting
    assert bounds.max_queue_size == deployment.max_queue_size


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"segment": StepProfile(name="n", processor="gpu", seconds={1: (0.1,)})}, "needs a GPU"),
        ({"threshold": StepProfile(name="t", seconds={1: (0.1,), 2: (0.1,)})}, "one photograph"),
    ],
)
def test_a_replica_that_cannot_be_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        profile(**({"segment": step("segment", 0.1)} | changed))
