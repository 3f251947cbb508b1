"""The network alone in OpenVINO, in this process and with no server: what no server on this machine can exceed.

Which way of running it is fastest depends on network and processor, so several are tried and the best is the ceiling:
one request at a time on every core, or several at once on a share of the cores each, under OpenVINO's latency and
throughput hints.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wrinkle_bench.storage import compiled_cache
from wrinkle_core.openvino_core import openvino_core, ov

__all__ = ["BareNetwork", "Way", "best_way", "computes_in_bf16", "ways"]

_TRIAL_S: Final = 2.0
_LEAST_RUNS: Final = 2


@dataclass(frozen=True, slots=True)
class Way:
    """One way to run a network in OpenVINO.

    Attributes:
        hint: ``LATENCY`` or ``THROUGHPUT``.
        precision: ``f32`` or ``bf16``.
        streams: Requests that run at once; 0 leaves it to the hint.
        threads: In all; 0 takes every core.
    """

    hint: str
    precision: str
    streams: int = 0
    threads: int = 0

    @property
    def name(self) -> str:
        """Return it in words."""
        parts = [f"{self.hint.lower()} hint", self.precision]
        parts += [f"{self.streams} streams"] if self.streams else []
        parts += [f"{self.threads} threads"] if self.threads else []
        return ", ".join(parts)

    @property
    def config(self) -> dict[str, Any]:
        """Return it as OpenVINO takes it."""
        config: dict[str, Any] = {
            "PERFORMANCE_HINT": self.hint,
            "INFERENCE_PRECISION_HINT": self.precision,
            "CACHE_DIR": str(compiled_cache()),
        }
        if self.streams:
            config["NUM_STREAMS"] = self.streams
        if self.threads:
            config["INFERENCE_NUM_THREADS"] = self.threads
        return config


def ways(*, bf16: bool) -> tuple[Way, ...]:
    """Return what is tried on this machine; where BF16 is there, FP32 is tried once, to show what it costs."""
    cores = len(os.sched_getaffinity(0))
    precision = "bf16" if bf16 else "f32"
    tried = [Way("LATENCY", precision), Way("THROUGHPUT", precision)]
    if cores > 1:
        tried.append(Way("THROUGHPUT", precision, streams=cores, threads=cores))
    return tuple(tried) + ((Way("LATENCY", "f32"),) if bf16 else ())


def computes_in_bf16() -> bool:
    """Return whether OpenVINO takes BF16 on this processor by itself."""
    return "BF16" in openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class BareNetwork:
    """A network compiled one way, fed with the same input over and over.

    Attributes:
        way: How it is compiled.
        at_once: Requests it runs at once, as OpenVINO recommends for this way.
    """

    def __init__(self, model_path: Path, way: Way, network_input: NDArray[np.uint8]) -> None:
        """Compile it.

        Args:
            model_path: ONNX file or IR.
            way: How.
            network_input: (1, C, S, S) uint8.
        """
        self.way = way
        core = openvino_core()
        compiled = core.compile_model(core.read_model(model_path), "CPU", way.config)
        self.at_once = int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        self._queue = ov.AsyncInferQueue(compiled, self.at_once)
        self._input = {"INPUT": ov.Tensor(np.ascontiguousarray(network_input))}
        self.seconds(self.at_once)  # the first run of each request takes its memory

    def seconds(self, runs: int) -> float:
        """Return how long so many inferences take, as many at once as the way has room for."""
        began_s = time.perf_counter()
        for _ in range(runs):
            self._queue.start_async(self._input)
        self._queue.wait_all()
        return time.perf_counter() - began_s


def best_way(
    model_path: Path, network_input: NDArray[np.uint8], tried: tuple[Way, ...]
) -> tuple[Way, dict[str, float]]:
    """Return the way with the most inferences per second, and what each reached."""
    found = dict(_trials(model_path, network_input, tried))
    best = max(found, key=lambda way: found[way])
    return best, {way.name: throughput for way, throughput in found.items()}


def _trials(model_path: Path, network_input: NDArray[np.uint8], tried: tuple[Way, ...]) -> Iterator[tuple[Way, float]]:
    for way in tried:
        network = BareNetwork(model_path, way, network_input)
        single_s = network.seconds(network.at_once) / network.at_once
        runs = network.at_once * max(_LEAST_RUNS, round(_TRIAL_S / single_s / network.at_once))
        yield way, runs / network.seconds(runs)
