"""How long ``wrinkle serve`` takes from the command to the first answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wrinkle_bench.bench_server import bench_server
from wrinkle_bench.networks.choice import Weights, networks_of

__all__ = ["STARTUP_FILE", "Startup", "measure_startup"]

STARTUP_FILE: Final = "startup.json"


@dataclass(frozen=True, slots=True)
class Startup:
    """Several starts with the same segmenters.

    Attributes:
        segmenters: Served together.
        ready_after_s: From the start of the command until every ensemble has answered a photograph, one figure a start;
            networks compiled before.
    """

    segmenters: tuple[str, ...]
    ready_after_s: tuple[float, ...]


def measure_startup(segmenters: tuple[str, ...], runs: int) -> Startup:
    """Start a server with the shipped networks again and again.

    Raises:
        ServerStartError: It did not start.
    """
    networks = {spec.name: network for spec, network in networks_of(segmenters, Weights.SHIPPED).items()}
    seconds = []
    for _ in range(1 + runs):  # the first one compiles
        with bench_server(networks) as server:
            seconds.append(server.ready_after_s)
    return Startup(segmenters, tuple(seconds[1:]))
