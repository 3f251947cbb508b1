"""The Deployment: brings the number of pods to the wanted one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator
from typing import Any, Final

import simpy

from wrinkle_scaling.cluster.gateway import Gateway
from wrinkle_scaling.cluster.nodes import StartingGround
from wrinkle_scaling.cluster.pod import Pod, PodState
from wrinkle_scaling.cluster.spec import ClusterSpec
from wrinkle_scaling.replica.replica import Replica

__all__ = ["Deployment"]

_DRAIN_LOOK_S: Final = 0.5

Process = Generator[simpy.Event, Any, None]


class Deployment:
    """Pods of one kind.

    Attributes:
        pods: Every pod that there is, leaving ones included.
        ended: Every pod that there was.
        curve: Time, pods that count, and pods that are ready, at each change.
    """

    def __init__(
        self,
        environment: simpy.Environment,
        spec: ClusterSpec,
        gateway: Gateway,
        new_replica: Callable[[], Replica],
    ) -> None:
        self._environment = environment
        self._spec = spec
        self._gateway = gateway
        self._new_replica = new_replica
        self._ground = StartingGround(environment, spec.cold_start)
        self._numbers = itertools.count()
        self.pods: list[Pod] = []
        self.ended: list[Pod] = []
        self.curve: list[tuple[float, int, int]] = []

    @property
    def replicas(self) -> int:
        """Pods that count."""
        return sum(pod.counts for pod in self.pods)

    @property
    def ready(self) -> int:
        """Pods that are ready."""
        return sum(pod.state is PodState.READY for pod in self.pods)

    def begin(self, replicas: int) -> None:
        """Be there with so many ready replicas, as after a night's rest."""
        for _ in range(replicas):
            pod = self._created()
            pod.state, pod.has_node = PodState.READY, True
            self._gateway.replicas.append(pod.replica)
        self._ground.occupied(replicas)
        self._note()

    def scale(self, wanted: int) -> None:
        """Create pods, or tell some to leave: those that are not ready first, then the newest."""
        for _ in range(wanted - self.replicas):
            self._environment.process(self._life(self._created()))
        surplus = self.replicas - wanted
        if surplus > 0:
            counted = [pod for pod in self.pods if pod.counts]
            counted.sort(key=lambda pod: (pod.state is PodState.READY, -pod.number))
            for pod in counted[:surplus]:
                was_ready, pod.state = pod.state is PodState.READY, PodState.LEAVING
                self._environment.process(self._farewell(pod, was_ready=was_ready))
        self._note()

    def _created(self) -> Pod:
        pod = Pod(next(self._numbers), self._environment.now, self._new_replica())
        self.pods.append(pod)
        return pod

    def _life(self, pod: Pod) -> Process:
        """Start: node, image, weights, plan, server; then ready at the next probe, then known to the gateway."""
        cold = self._spec.cold_start
        yield from self._ground.node()
        if pod.state is not PodState.STARTING:
            self._ground.leave()
            return
        pod.has_node = True
        yield from self._ground.start()
        yield self._environment.timeout(cold.readiness_period_s - self._environment.now % cold.readiness_period_s)
        if pod.state is not PodState.STARTING:
            return
        pod.state = PodState.READY
        self._note()
        yield self._environment.timeout(cold.endpoint_s)
        if pod.state is PodState.READY:
            self._gateway.replicas.append(pod.replica)

    def _farewell(self, pod: Pod, *, was_ready: bool) -> Process:
        """Leave: serve on until the gateway knows, then finish what is in flight, within the chart's grace period."""
        if was_ready:
            yield self._environment.timeout(self._spec.cold_start.endpoint_s)
            if pod.replica in self._gateway.replicas:
                self._gateway.replicas.remove(pod.replica)
            while pod.replica.in_flight:
                yield self._environment.timeout(_DRAIN_LOOK_S)
        pod.state = PodState.ENDED
        pod.ended_s = self._environment.now
        self.pods.remove(pod)
        self.ended.append(pod)
        if pod.has_node:
            self._ground.leave()

    def _note(self) -> None:
        self.curve.append((self._environment.now, self.replicas, self.ready))
