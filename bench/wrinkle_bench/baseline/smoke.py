"""Taking the watched ratios on the live server: in small turns, so that both halves of a ratio meet the same moments.

A time is the lower quartile over the turns: what a step takes when nothing else wants the processor. The network is the
shipped ``unetpp`` in FP32, which takes a tenth of a second or two on any processor: heavy enough that what surrounds it
must be hidden behind it, as with the networks in use.
"""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median, quantiles
from typing import Final

import numpy as np
import tritonclient.grpc
import tritonclient.http

from wrinkle_bench.baseline.yardstick import Yardstick
from wrinkle_bench.bench_server import BenchServer, bench_repository, served_on
from wrinkle_bench.burst import burst
from wrinkle_bench.perf_analyzer.installation import PerfAnalyzer
from wrinkle_bench.perf_analyzer.run import Load, measure
from wrinkle_bench.perf_analyzer.statistics import counters_after_answer, read_counters, step_times
from wrinkle_bench.photograph import portrait_jpeg
from wrinkle_bench.sweep.inputs import photo_input
from wrinkle_client import Client
from wrinkle_core.contract import SegmenterContract, model, segmenter
from wrinkle_core.decode import decode_image
from wrinkle_core.inference import OnnxSegmenter
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.preprocess import prepare
from wrinkle_export.repository.choice import bundled_network
from wrinkle_export.repository.served_network import ServedNetwork

__all__ = ["measured_ratios"]

_SEGMENTER: Final = "unetpp"
_CONCURRENCY: Final = 2
_WINDOW_REQUESTS: Final = 4
_YARDSTICKS: Final = 5


@dataclass(frozen=True, slots=True)
class _Setup:
    server: BenchServer
    spec: SegmenterContract
    photo: bytes
    bare: Callable[[], object]
    grpc: Callable[[], object]
    http: Callable[[], object]
    sdk: Callable[[], object]


def measured_ratios(
    program: PerfAnalyzer, *, turns: int = 16, rounds: int = 4, tell: Callable[[str], None]
) -> dict[str, float]:
    """Return every watched ratio, measured now.

    Args:
        program: ``perf_analyzer``.
        turns: Single requests of each kind.
        rounds: Runs of ``perf_analyzer`` beside the network alone.
        tell: Called with each finding, for a person who waits.

    Raises:
        ServingError: The server did not start, or failed.
    """
    spec, photo = segmenter(_SEGMENTER), portrait_jpeg()
    onnx = bundled_network(spec.name)
    network_input = prepare(decode_image(photo), spec, FaceLandmarker(threads=1)).network_input
    segmenter_alone = OnnxSegmenter(onnx, precision="f32")
    image = photo_input(photo)["IMAGE"]
    with tempfile.TemporaryDirectory(prefix="wrinkle-bench-") as folder:
        repository = bench_repository(Path(folder, "repository"), {spec.name: ServedNetwork.from_onnx(onnx, "f32")})
        with served_on(repository, bare=True) as server:
            running = server.running
            grpc_address = f"{running.host}:{running.grpc_port}"
            with (
                tritonclient.grpc.InferenceServerClient(grpc_address) as grpc,
                tritonclient.http.InferenceServerClient(f"{running.host}:{running.http_port}") as http,
                Client(f"grpc://{grpc_address}") as sdk,
            ):
                grpc_input = tritonclient.grpc.InferInput("IMAGE", image.shape, "UINT8")
                http_input = tritonclient.http.InferInput("IMAGE", image.shape, "UINT8")
                for tensor in (grpc_input, http_input):
                    tensor.set_data_from_numpy(image)
                setup = _Setup(
                    server,
                    spec,
                    photo,
                    bare=lambda: segmenter_alone.infer(network_input),
                    grpc=lambda: grpc.infer(spec.ensemble, [grpc_input]),
                    http=lambda: http.infer(spec.ensemble, [http_input]),
                    sdk=lambda: sdk.segment(photo, model=spec.name),
                )
                return _single_requests(setup, turns, tell) | {
                    "ensemble_of_network": _throughput(program, setup, image, rounds, tell)
                }


def _single_requests(setup: _Setup, turns: int, tell: Callable[[str], None]) -> dict[str, float]:
    running, yardstick = setup.server.running, Yardstick(setup.photo)
    names = [step.model_name for step in model(setup.spec.ensemble).steps]
    found: dict[str, list[float]] = defaultdict(list)
    for turn in range(1 + turns):
        before = read_counters(running.admin, names)
        grpc_ms = _milliseconds(setup.grpc)
        steps = step_times(before, counters_after_answer(running.admin, before))
        if turn == 0:  # opens connections
            continue
        preprocess, segment, threshold = (steps[name].compute_ms for name in names)
        for name, milliseconds in {
            "yardstick": min(yardstick.milliseconds() for _ in range(_YARDSTICKS)),
            "bare": _milliseconds(setup.bare),
            "preprocess": preprocess,
            "segment": segment,
            "threshold": threshold,
            "between": grpc_ms - preprocess - segment - threshold,
            "grpc": grpc_ms,
            "http": _milliseconds(setup.http),
            "sdk": _milliseconds(setup.sdk),
        }.items():
            found[name].append(milliseconds)
    low = {name: quantiles(times, n=4)[0] for name, times in found.items()}
    ratios = {
        "preprocess": low["preprocess"] / low["yardstick"],
        "segment": low["segment"] / low["bare"],
        "threshold": low["threshold"] / low["yardstick"],
        "between_steps": 1.0 + low["between"] / low["yardstick"],
        "http_over_grpc": low["http"] / low["grpc"],
        "sdk_over_raw": low["sdk"] / low["grpc"],
    }
    tell(", ".join(f"{name} {ratio:.3f}" for name, ratio in ratios.items()))
    return ratios


def _throughput(
    program: PerfAnalyzer,
    setup: _Setup,
    image: np.ndarray[tuple[int], np.dtype[np.uint8]],
    rounds: int,
    tell: Callable[[str], None],
) -> float:
    load = Load(setup.spec.ensemble, "grpc", _CONCURRENCY, _WINDOW_REQUESTS)
    found = []
    for _ in range(rounds):
        alone_s = [burst(setup.bare, concurrency=1, requests=_WINDOW_REQUESTS).seconds]
        seen = measure(program, setup.server.running, load, {"IMAGE": image})
        alone_s.append(burst(setup.bare, concurrency=1, requests=_WINDOW_REQUESTS).seconds)
        found.append(seen.throughput_hz * fmean(alone_s) / _WINDOW_REQUESTS)
    tell(f"ensemble_of_network {median(found):.3f}, in turns {', '.join(f'{each:.2f}' for each in found)}")
    return median(found)


def _milliseconds(action: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    action()
    return (time.perf_counter() - began_s) * 1e3
