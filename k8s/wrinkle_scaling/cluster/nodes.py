"""Nodes and the plan cache: what makes one cold start longer than another."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import simpy

from wrinkle_scaling.cluster.spec import ColdStart

__all__ = ["StartingGround"]


class StartingGround:
    """What is there already when a pod starts. A node that a pod leaves stays, with the image, for the next."""

    def __init__(self, environment: simpy.Environment, spec: ColdStart) -> None:
        self._environment = environment
        self._spec = spec
        self._free_nodes = spec.warm_nodes
        self._plan: simpy.Event | None = None

    def node(self) -> Generator[simpy.Event, Any, None]:
        """Wait, as a process, for a node with the image; a further one comes even when its pod has gone meanwhile."""
        if self._free_nodes:
            self._free_nodes -= 1
        else:
            yield self._environment.timeout(self._spec.node_s + self._spec.image_pull_s)

    def start(self) -> Generator[simpy.Event, Any, None]:
        """Wait, as a process, for all else that a pod needs until its server answers."""
        spec = self._spec
        yield self._environment.timeout(spec.model_fetch_s)
        if not spec.plan_cached and spec.plan_build_s:
            yield self._built_plan()
        yield self._environment.timeout(spec.server_start_s)

    def occupied(self, replicas: int) -> None:
        """Take the nodes of replicas that run from the start; there is a node for each of them."""
        self._free_nodes = max(0, self._free_nodes - replicas)

    def leave(self) -> None:
        """Give a node back."""
        self._free_nodes += 1

    def _built_plan(self) -> simpy.Event:
        """Return the event of the plan, which the first pod that asks begins to build."""
        if self._plan is None:
            self._plan = self._environment.timeout(self._spec.plan_build_s)
        return self._plan
