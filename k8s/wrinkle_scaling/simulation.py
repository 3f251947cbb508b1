"""The simulation: arrivals, gateway, replicas, metrics and autoscaler on one clock.

The event loop is SimPy's. What happens rarely (pods, scrapes, syncs) is written as SimPy processes, what happens to
each photograph as plain callbacks: a photograph then costs some 25 microseconds of computing, so that a day at 20
photographs a second takes less than a minute.

Chance has one seed: the same scenario and seed give the same result to the last digit.
"""

from __future__ import annotations

import random
from collections.abc import Generator
from typing import Any

import numpy as np
import simpy

from wrinkle_scaling.autoscaler.hpa import HorizontalPodAutoscaler, Observation
from wrinkle_scaling.autoscaler.keda import KedaActivation
from wrinkle_scaling.autoscaler.spec import AutoscalerSpec
from wrinkle_scaling.cluster.deployment import Deployment
from wrinkle_scaling.cluster.gateway import Gateway
from wrinkle_scaling.cluster.metrics import Prometheus
from wrinkle_scaling.cluster.spec import MetricsSpec
from wrinkle_scaling.outcome.record import Record
from wrinkle_scaling.replica.replica import Replica
from wrinkle_scaling.replica.request import Outcome, Request
from wrinkle_scaling.scenario import Scenario

__all__ = ["simulate"]

_LOOK_FOR_THE_END_S = 1.0

Process = Generator[simpy.Event, Any, None]


def simulate(scenario: Scenario, seed: int = 0) -> Record:
    """Run a scenario until every photograph has met its end.

    Args:
        scenario: What is simulated.
        seed: Of all chance.

    Raises:
        InvalidParameterError: More photographs would come than one run takes.
    """
    return _Run(scenario, seed).result()


class _Run:
    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._scenario = scenario
        arrivals, services, routes = np.random.SeedSequence(seed).spawn(3)
        self._record = Record(scenario, scenario.arrivals_s(np.random.default_rng(arrivals)))
        self._services = np.random.default_rng(services)
        self._environment = simpy.Environment()
        chance = random.Random(int(routes.generate_state(1)[0]))
        self._gateway = Gateway(self._environment, scenario.cluster.gateway, chance)
        self._deployment = Deployment(self._environment, scenario.cluster, self._gateway, self._new_replica)
        self._prometheus = Prometheus(scenario.cluster.metrics.window_s)

    def result(self) -> Record:
        environment, scenario = self._environment, self._scenario
        self._deployment.begin(scenario.replicas)
        environment.process(self._scraping(scenario.cluster.metrics))
        environment.process(self._evaluating(scenario.cluster.metrics))
        if scenario.autoscaler is not None:
            environment.process(self._scaling(scenario.autoscaler))
            if scenario.autoscaler.keda is not None:
                environment.process(self._polling(scenario.autoscaler))
        environment.process(self._arriving())
        environment.run(environment.process(self._until_the_end()))
        self._record.close(environment.now, self._deployment)
        return self._record

    def _new_replica(self) -> Replica:
        return Replica(self._environment, self._scenario.profile, self._services)

    def _arriving(self) -> Process:
        environment = self._environment
        for number, at_s in enumerate(self._record.arrived_s.tolist()):
            yield environment.timeout(max(0.0, at_s - environment.now))
            self._gateway.send(Request(number, environment.now, self._on_end))

    def _on_end(self, request: Request, outcome: Outcome) -> None:
        if outcome is Outcome.ANSWERED or not self._gateway.again(request, outcome):
            self._record.end(request.number, self._environment.now, outcome)

    def _until_the_end(self) -> Process:
        yield self._environment.timeout(self._scenario.duration_s)
        while self._record.open:
            yield self._environment.timeout(_LOOK_FOR_THE_END_S)

    def _scraping(self, spec: MetricsSpec) -> Process:
        while True:
            self._prometheus.scrape(self._environment.now, self._deployment.pods)
            yield self._environment.timeout(spec.scrape_period_s)

    def _evaluating(self, spec: MetricsSpec) -> Process:
        while True:
            self._prometheus.evaluate(self._environment.now, self._deployment.pods)
            yield self._environment.timeout(spec.evaluation_period_s)

    def _scaling(self, spec: AutoscalerSpec) -> Process:
        autoscaler = HorizontalPodAutoscaler(spec)
        while True:
            yield self._environment.timeout(spec.sync_period_s)
            deployment, known = self._deployment, self._prometheus
            seen = Observation(deployment.replicas, deployment.ready, known.values, known.pods)
            wanted = autoscaler.reconcile(self._environment.now, seen)
            if wanted != deployment.replicas:
                deployment.scale(wanted)

    def _polling(self, spec: AutoscalerSpec) -> Process:
        assert spec.keda is not None
        activation = KedaActivation(spec, spec.keda)
        while True:
            yield self._environment.timeout(spec.keda.polling_interval_s)
            replicas = self._deployment.replicas
            wanted = activation.poll(self._environment.now, replicas, self._prometheus.values)
            if wanted != replicas:
                self._deployment.scale(wanted)
