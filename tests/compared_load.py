"""A load on real servers beside the simulation of the same arrivals: how far apart they are, and how sure that is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import psutil
from numpy.typing import NDArray

from server_memory import ServerProcesses
from wrinkle_server.triton.model_server import ModelServer

__all__ = ["ComparedLoad", "MachineUse", "figures_apart", "interval"]

_BLOCK_S: Final = 2.0  # longer than a queue lasts at this load, so that blocks are nearly independent
_RESAMPLES: Final = 2000
_QUANTILES: Final = {"p50": 0.5, "p95": 0.95}


@dataclass(frozen=True)
class ComparedLoad:
    """Latencies of the same photographs, in order of arrival.

    Attributes:
        arrivals_s: (N,) when they came.
        live_s: (N,) what the servers took.
        simulated_s: (R, N) what R simulations took.
    """

    arrivals_s: NDArray[np.float64]
    live_s: NDArray[np.float64]
    simulated_s: NDArray[np.float64]

    def blocks(self) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Return live and simulated latencies of each stretch of time in which a photograph came."""
        number = (self.arrivals_s // _BLOCK_S).astype(int)
        return [
            (self.live_s[number == each], self.simulated_s[:, number == each].ravel()) for each in np.unique(number)
        ]


def figures_apart(loads: Sequence[ComparedLoad]) -> dict[str, float]:
    """Return the quantiles of all loads together, in seconds, and by what share the simulation's are more."""
    live_s = np.concatenate([load.live_s for load in loads])
    simulated_s = np.concatenate([load.simulated_s.ravel() for load in loads])
    found: dict[str, float] = {}
    for name, share in _QUANTILES.items():
        real, model = float(np.quantile(live_s, share)), float(np.quantile(simulated_s, share))
        found |= {f"live_{name}_s": real, f"simulated_{name}_s": model, f"{name}_apart": model / real - 1.0}
    return found


def interval(loads: Sequence[ComparedLoad], name: str) -> tuple[float, float]:
    """Return the 95 % interval of a quantile's ``apart``.

    Stretches of time are drawn anew with repetition, live and simulated together: what chance in the arrivals does to
    both is no difference between them. Source: Künsch, The jackknife and the bootstrap for general stationary
    observations, 1989.
    """
    blocks = [block for load in loads for block in load.blocks()]
    generator = np.random.default_rng(0)
    apart = np.empty(_RESAMPLES)
    for number in range(_RESAMPLES):
        drawn = [blocks[each] for each in generator.integers(len(blocks), size=len(blocks))]
        real = np.quantile(np.concatenate([live_s for live_s, _ in drawn]), _QUANTILES[name])
        model = np.quantile(np.concatenate([simulated_s for _, simulated_s in drawn]), _QUANTILES[name])
        apart[number] = model / real - 1.0
    low, high = np.quantile(apart, (0.025, 0.975))
    return float(low), float(high)


@dataclass(frozen=True)
class MachineUse:
    """Processor seconds so far.

    Attributes:
        at_s: When, on a clock of its own; as a difference, how long.
        machine_s: Everybody's, time stolen by other machines included.
        servers_s: The servers'.
    """

    at_s: float
    machine_s: float
    servers_s: float

    @classmethod
    def now(cls, servers: Sequence[ModelServer]) -> MachineUse:
        """Return what was used until now."""
        machine = psutil.cpu_times()
        ids = [process for server in servers for process in ServerProcesses.of(server).ids]
        used_s = sum(sum(psutil.Process(process).cpu_times()[:2]) for process in ids)
        return cls(time.monotonic(), machine.user + machine.nice + machine.system + machine.steal, used_s)

    def since(self, before: MachineUse) -> MachineUse:
        """Return what was used since then."""
        return MachineUse(self.at_s - before.at_s, self.machine_s - before.machine_s, self.servers_s - before.servers_s)
