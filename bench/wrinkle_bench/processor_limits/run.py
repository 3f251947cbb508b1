"""The network as it is served, in INT8 and in torch, and the processor's peak: in turns, in one process, no server."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wrinkle_bench.ceiling.bare_network import BareNetwork, Way, computes_in_bf16
from wrinkle_bench.networks.bench_network import BenchNetwork
from wrinkle_bench.networks.int8 import int8_network
from wrinkle_bench.networks.operations import network_gflop, shallow_share
from wrinkle_bench.photograph import portrait_jpeg
from wrinkle_bench.processor_limits.kernels import Arithmetic, Kernel, kernels
from wrinkle_bench.processor_limits.limits import INT8, TORCH, Peak, Reached, SegmenterLimits
from wrinkle_bench.storage import bench_cache
from wrinkle_core.contract import SegmenterContract
from wrinkle_core.decode import decode_image
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.preprocess import prepare
from wrinkle_export.openvino_ir.write_ir import write_ir

__all__ = ["measure_limits"]

_LEAST_TURNS: Final = 2
_SERVED: Final = "served"


def measure_limits(
    spec: SegmenterContract,
    network: BenchNetwork,
    way: Way,
    *,
    rounds: int,
    seconds: float,
    tell: Callable[[str], None],
) -> SegmenterLimits:
    """Measure one network and the processor's peak.

    Args:
        spec: The segmenter.
        network: Its weights.
        way: How OpenVINO runs it.
        rounds: Turns of everything.
        seconds: Of each in a turn, and two turns of a network at least.
        tell: Called with each finding, for a person who waits.
    """
    network_input = prepare(decode_image(portrait_jpeg()), spec, FaceLandmarker(threads=1)).network_input
    with tempfile.TemporaryDirectory(prefix="wrinkle-bench-") as folder:
        served = BareNetwork(write_ir(network.onnx, spec.input_px, Path(folder)), way, network_input)
        tell("quantising to INT8, where that was not done before …")
        # What is not quantised computes in FP32, as the parity gate judges it and the server runs it.
        in_fp32 = replace(way, precision="f32")
        in_int8 = BareNetwork(int8_network(network, bench_cache() / "networks"), in_fp32, network_input)
        in_torch = _torch_runs(network.checkpoint, network_input)
        peaks = kernels(bf16=computes_in_bf16())
        ways = {
            _SERVED: (served.seconds, served.at_once),
            INT8: (in_int8.seconds, in_int8.at_once),
            TORCH: (in_torch, 1),
        }
        found_hz: dict[str, list[float]] = {name: [] for name in ways}
        found_tops: dict[Kernel, list[float]] = {kernel: [] for kernel in peaks}
        for number in range(1, rounds + 1):
            for name, (run, at_once) in ways.items():
                found_hz[name].append(_throughput_hz(run, at_once, seconds))
                tell(f"round {number}: {name} {found_hz[name][-1]:.3f}/s")
            for kernel in peaks:
                found_tops[kernel].append(kernel.tops(seconds))
                tell(f"round {number}: {kernel.arithmetic} {kernel.name} {found_tops[kernel][-1]:.3f} · 10^12/s")
    precision: Arithmetic = "bf16" if way.precision == "bf16" else "f32"
    return SegmenterLimits(
        network=network.description,
        gflop=network_gflop(network.checkpoint),
        shallow_share=shallow_share(network.onnx, spec.input_px),
        served=Reached(f"as served: OpenVINO, {way.name}", precision, tuple(found_hz[_SERVED])),
        others={
            INT8: Reached("OpenVINO, INT8", "int8", tuple(found_hz[INT8])),
            TORCH: Reached("torch, eager, FP32", "f32", tuple(found_hz[TORCH])),
        },
        peaks=tuple(Peak(kernel.arithmetic, kernel.name, tuple(tops)) for kernel, tops in found_tops.items()),
    )


def _throughput_hz(run: Callable[[int], float], at_once: int, seconds: float) -> float:
    """Return runs per second over so long, from at least ``_LEAST_TURNS`` turns that fill every stream."""
    turns, took_s = 0, 0.0
    while took_s < seconds or turns < _LEAST_TURNS:
        took_s += run(at_once)
        turns += 1
    return turns * at_once / took_s


def _torch_runs(checkpoint: Path, network_input: NDArray[np.uint8]) -> Callable[[int], float]:
    """Return what tells the seconds that so many inferences take in torch, eager and on every core; it is warm."""
    import torch  # half a second, which no other measurement should wait for

    from wrinkle_train.weights_file import load_weights

    network, _ = load_weights(checkpoint)
    pixels = torch.from_numpy(network_input)

    def run(runs: int) -> float:
        began_s = time.perf_counter()
        with torch.inference_mode():
            for _ in range(runs):
                network(pixels)
        return time.perf_counter() - began_s

    run(1)
    return run
