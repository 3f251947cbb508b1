"""What a whole request costs beyond its network: the live ensemble against the bare network, taken in turns.

Turn about, one request each, so that a busy moment of the machine meets both; ratios and differences come from one run.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Final

from wrinkle_core.contract import SegmenterContract, model
from wrinkle_core.decode import decode_image
from wrinkle_core.inference import OnnxSegmenter
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.preprocess import prepare
from wrinkle_server.triton.options import ServerOptions
from wrinkle_server.triton.raw_inference import infer_raw

__all__ = ["RoundTrip", "round_trip"]

_WARM_UP_RUNS: Final = 3
_TIMEOUT_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """One photograph through the server, beside its network alone.

    Attributes:
        ensemble_p50_ms: Median request over HTTP, one client.
        ensemble_p90_ms: 90th percentile of the same.
        network_p50_ms: Median of the network alone in this process, same threads and precision.
        overhead_ms: Difference of the medians.
        steps_ms: Mean time a request waited for and spent in each step, by model, as the server counts it.
    """

    ensemble_p50_ms: float
    ensemble_p90_ms: float
    network_p50_ms: float
    overhead_ms: float
    steps_ms: dict[str, float]


def round_trip(
    options: ServerOptions, spec: SegmenterContract, network: Path, photo: bytes, runs: int, cache_dir: Path
) -> RoundTrip:
    """Compare the live ensemble of ``spec`` with its network alone; the server must be ready."""
    network_input = prepare(decode_image(photo), spec, FaceLandmarker(threads=1)).network_input
    segmenter = OnnxSegmenter(network, precision="auto", cache_dir=cache_dir)

    def ask() -> None:
        infer_raw(options.host, options.http_port, spec.ensemble, photo, _TIMEOUT_S)

    def compute() -> None:
        segmenter.infer(network_input)

    for _ in range(_WARM_UP_RUNS):
        ask()
        compute()
    before = {step.model_name: _busy(options, step.model_name) for step in model(spec.ensemble).steps}
    asked, computed = zip(*((_milliseconds(ask), _milliseconds(compute)) for _ in range(runs)), strict=True)
    steps_ms = {}
    for name, (count_before, ns_before) in before.items():
        count, nanoseconds = _busy(options, name)
        steps_ms[name] = (nanoseconds - ns_before) / (count - count_before) / 1e6
    middle_ms = median(asked)
    return RoundTrip(middle_ms, quantiles(asked, n=10)[-1], median(computed), middle_ms - median(computed), steps_ms)


def _busy(options: ServerOptions, model_name: str) -> tuple[int, int]:
    """Return how many requests a model has answered, and the nanoseconds they queued and ran."""
    with closing(http.client.HTTPConnection(options.host, options.http_port, timeout=_TIMEOUT_S)) as connection:
        connection.request("GET", f"/v2/models/{model_name}/stats")
        statistics = json.loads(connection.getresponse().read())["model_stats"][0]["inference_stats"]
    parts = ("queue", "compute_input", "compute_infer", "compute_output")
    return int(statistics["success"]["count"]), sum(int(statistics[part]["ns"]) for part in parts)


def _milliseconds(action: Callable[[], None]) -> float:
    began = time.perf_counter()
    action()
    return (time.perf_counter() - began) * 1e3
