"""The gateway: spreads requests over the replicas it knows, and offers a refused one to another.

As our Envoy configuration does it: of ``choices`` replicas drawn by lot, with repetition, the one with the fewest
requests in flight; a second try goes to a replica that has not refused the request yet, where there is one.

Source: Envoy documentation, "Weighted least request"; Mitzenmacher, The power of two choices, 1996.
"""

from __future__ import annotations

import random
from typing import Final

import simpy

from wrinkle_scaling.cluster.spec import GatewaySpec
from wrinkle_scaling.replica.replica import Replica
from wrinkle_scaling.replica.request import Outcome, Request

__all__ = ["Gateway"]

_DRAWS_AGAINST_REPETITION: Final = 100


class Gateway:
    """Spreads requests.

    Attributes:
        replicas: Those that requests go to.
    """

    def __init__(self, environment: simpy.Environment, spec: GatewaySpec, chance: random.Random) -> None:
        self._environment = environment
        self._spec = spec
        self._chance = chance
        self.replicas: list[Replica] = []

    def send(self, request: Request) -> None:
        """Offer a request to a replica; without any it ends at once."""
        if not self.replicas:
            request.on_end(request, Outcome.NO_REPLICA)
            return
        replica = self._choice(request)
        request.offered_to.append(replica)
        replica.take(request)

    def again(self, request: Request, outcome: Outcome) -> bool:
        """Offer a refused request to another replica, soon; False when it has been offered often enough."""
        if outcome is Outcome.NO_REPLICA or len(request.offered_to) >= min(self._spec.tries, len(self.replicas)):
            return False
        self._environment.timeout(self._spec.back_off_s).callbacks.append(lambda _: self.send(request))
        return True

    def _choice(self, request: Request) -> Replica:
        replicas = self.replicas
        if len(replicas) == 1:
            return replicas[0]
        found = self._least_busy()
        for _ in range(_DRAWS_AGAINST_REPETITION if request.offered_to else 0):
            if found not in request.offered_to:
                break
            found = self._least_busy()
        return found

    def _least_busy(self) -> Replica:
        replicas, count = self.replicas, len(self.replicas)
        drawn = [replicas[int(self._chance.random() * count)] for _ in range(self._spec.choices)]
        return min(drawn, key=lambda replica: replica.in_flight)
