"""Pods, gateway and metrics around the replicas."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import simpy

from wrinkle_scaling.cluster.deployment import Deployment
from wrinkle_scaling.cluster.gateway import Gateway
from wrinkle_scaling.cluster.metrics import Prometheus
from wrinkle_scaling.cluster.pod import Pod, PodState
from wrinkle_scaling.cluster.spec import ClusterSpec, ColdStart, GatewaySpec
from wrinkle_scaling.replica.profile import Bounds, ReplicaProfile, StepProfile
from wrinkle_scaling.replica.replica import Counters, Replica
from wrinkle_scaling.replica.request import Outcome, Request


def profile(segment_s: float = 0.1, bounds: Bounds | None = None) -> ReplicaProfile:
    steps: dict[str, Any] = {
        name: StepProfile(name=name, seconds={1: (0.0,)}, instances=None if name == "front_end" else 1)
        for name in ("front_end", "preprocess", "threshold")
    }
    segment = StepProfile(name="segment", seconds={1: (segment_s,)})
    return ReplicaProfile(
        name="test", origin="test", measured=False, cores=8.0, segment=segment, bounds=bounds or Bounds(), **steps
    )


class World:
    """A deployment with nobody in charge of it."""

    def __init__(
        self, cold_start: ColdStart, gateway: GatewaySpec | None = None, seed: int = 0, **replica: Any
    ) -> None:
        self.environment = simpy.Environment()
        spec = ClusterSpec(cold_start=cold_start, gateway=gateway or GatewaySpec())
        self.gateway = Gateway(self.environment, spec.gateway, random.Random(seed))
        self.made: list[Replica] = []
        self.deployment = Deployment(self.environment, spec, self.gateway, lambda: self._replica(**replica))
        self.ended: list[tuple[float, Outcome]] = []

    def _replica(self, **changed: Any) -> Replica:
        self.made.append(Replica(self.environment, profile(**changed), np.random.default_rng(0)))
        return self.made[-1]

    def ready_s(self) -> list[float]:
        """Return when each further pod became ready."""
        found: list[float] = []
        ready = self.deployment.curve[0][2]
        for at_s, _, now_ready in self.deployment.curve[1:]:
            found += [at_s] * (now_ready - ready)
            ready = now_ready
        return found

    def send(self, count: int = 1) -> None:
        for number in range(count):
            self.gateway.send(Request(number, self.environment.now, self._on_end))

    def _on_end(self, request: Request, outcome: Outcome) -> None:
        if outcome is Outcome.ANSWERED or not self.gateway.again(request, outcome):
            self.ended.append((self.environment.now, outcome))


def test_a_cold_start_is_the_sum_of_its_parts_and_a_warm_node_saves_some() -> None:
    cold = ColdStart(
        warm_nodes=3, node_s=60, image_pull_s=30, model_fetch_s=4, server_start_s=8, readiness_period_s=5, endpoint_s=2
    )
    world = World(cold)
    world.deployment.begin(2)
    world.deployment.scale(4)
    world.environment.run()
    # The third node is there: 4 + 8, then the probe at 15. The fourth comes 90 later: 102, probe at 105.
    assert world.ready_s() == [15.0, 105.0]
    assert len(world.gateway.replicas) == 4


def test_a_node_that_is_still_to_come_serves_nobody_before_it_is_there() -> None:
    world = World(ColdStart(warm_nodes=1, node_s=60, server_start_s=10, readiness_period_s=1, endpoint_s=0))
    world.deployment.begin(1)
    world.deployment.scale(2)
    world.environment.run(until=20)
    world.deployment.scale(1)
    world.deployment.scale(2)
    world.environment.run(until=70)
    assert world.ready_s() == []
    world.deployment.scale(3)  # on the first pod's node, which has come for nobody
    world.environment.run()
    assert world.ready_s() == [81.0, 91.0]


def test_the_plan_is_built_once_and_everybody_waits_for_it() -> None:
    cold = ColdStart(plan_build_s=240, plan_cached=False, server_start_s=10, readiness_period_s=1, endpoint_s=0)
    world = World(cold)
    world.deployment.begin(0)
    world.deployment.scale(2)
    world.environment.run(until=100)
    world.deployment.scale(3)
    world.environment.run(until=300)
    world.deployment.scale(4)
    world.environment.run()
    assert world.ready_s() == [251.0, 251.0, 251.0, 311.0]


def test_a_leaving_pod_finishes_what_it_has_and_no_request_is_lost() -> None:
    world = World(ColdStart(server_start_s=1, endpoint_s=2), segment_s=4.0)
    world.deployment.begin(2)
    world.send(4)
    world.deployment.scale(1)
    world.environment.run(until=1.0)
    world.send(1)  # the gateway does not know yet
    world.environment.run()
    assert [outcome for _, outcome in world.ended] == [Outcome.ANSWERED] * 5
    assert len(world.gateway.replicas) == 1
    (gone,) = world.deployment.ended
    assert gone.ended_s is not None
    assert gone.ended_s >= 8.0


def test_pods_that_are_not_ready_go_first_then_the_newest() -> None:
    world = World(ColdStart(server_start_s=100))
    world.deployment.begin(3)
    world.deployment.scale(4)
    world.environment.run(until=1.0)
    world.deployment.scale(2)
    world.environment.run(until=50.0)
    assert [pod.number for pod in world.deployment.ended] == [3, 2]


def test_without_a_replica_a_request_is_refused_at_once() -> None:
    world = World(ColdStart(server_start_s=1))
    world.deployment.begin(0)
    world.send()
    assert world.ended == [(0.0, Outcome.NO_REPLICA)]


@pytest.mark.parametrize("seed", range(20))
def test_a_refused_request_finds_the_other_replica(seed: int) -> None:
    full = Bounds(max_queue_size=1, max_waiting=None)
    world = World(ColdStart(server_start_s=1), GatewaySpec(choices=1, tries=2), seed, bounds=full, segment_s=1000.0)
    world.deployment.begin(2)
    busy, free = world.made
    world.gateway.replicas = [busy]
    world.send(2)
    world.gateway.replicas = [busy, free]
    world.send()
    world.environment.run(until=1.0)
    assert not world.ended
    assert (busy.in_flight, free.in_flight) == (2, 1)


def test_three_draws_balance_better_than_one() -> None:
    def spread(choices: int) -> float:
        world = World(ColdStart(server_start_s=1), GatewaySpec(choices=choices), segment_s=1000.0, bounds=OPEN)
        world.deployment.begin(10)
        world.send(400)
        return float(np.std([replica.in_flight for replica in world.made]))

    assert spread(3) < 2.0 < spread(1)


OPEN = Bounds(max_waiting=None, max_queue_size=None)


class Page:
    """A replica of which only the metrics page is there."""

    def __init__(self) -> None:
        self.now = Counters(0, 0.0, 0, 0, 0.0)

    def counters(self) -> Counters:
        return self.now


def pod(number: int, state: PodState = PodState.READY) -> tuple[Pod, Page]:
    page = Page()
    return Pod(number, 0.0, page, state), page  # type: ignore[arg-type]


def test_metrics_are_rates_over_the_window_of_what_was_scraped() -> None:
    (a, page_a), (b, page_b) = pod(0), pod(1)
    known = Prometheus(window_s=60.0)
    known.scrape(0.0, [a, b])
    page_a.now, page_b.now = Counters(3, 6.0, 30, 10, 12.0), Counters(5, 0.0, 30, 10, 6.0)
    known.scrape(60.0, [a, b])
    known.evaluate(60.0, [a, b])
    assert known.values == pytest.approx({"queue_time": 0.1, "pending": 8.0, "answered": 20 / 60, "busy": 0.3})
    assert dict(known.pods["busy"].ready) == pytest.approx({"0": 0.2, "1": 0.1})


def test_what_is_older_than_the_window_is_forgotten() -> None:
    one, page = pod(0)
    known = Prometheus(window_s=60.0)
    known.scrape(0.0, [one])
    page.now = Counters(0, 50.0, 10, 10, 5.0)
    known.scrape(50.0, [one])
    page.now = Counters(0, 50.0, 20, 20, 5.0)
    known.scrape(100.0, [one])
    known.evaluate(100.0, [one])
    assert known.values["queue_time"] == 0.0
    assert known.values["answered"] == pytest.approx(10 / 60 * 60 / 50)  # carried on to the window's start, 10 s


def test_a_pod_that_starts_is_unready_and_one_without_samples_is_missing() -> None:
    (a, _), (b, _), (c, _) = pod(0), pod(1, PodState.STARTING), pod(2)
    known = Prometheus(window_s=60.0)
    known.scrape(0.0, [a, b])
    known.evaluate(0.0, [a, b, c])
    pending = known.pods["pending"]
    assert (dict(pending.ready), pending.unready, pending.missing) == ({"0": 0.0}, 1, 1)
    assert known.pods["busy"].missing == 2


def test_one_sample_makes_no_rate_and_no_metric_of_one() -> None:
    one, _ = pod(0)
    known = Prometheus(window_s=60.0)
    known.scrape(0.0, [one])
    known.evaluate(0.0, [one])
    assert known.values == {"pending": 0.0}


def test_without_any_sample_there_is_no_metric() -> None:
    known = Prometheus(window_s=60.0)
    known.evaluate(0.0, [])
    assert known.values == {}
