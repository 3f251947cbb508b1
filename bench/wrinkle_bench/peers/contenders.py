"""Who takes part, by short name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from wrinkle_bench.ceiling.bare_network import computes_in_bf16
from wrinkle_bench.networks.bench_network import BenchNetwork
from wrinkle_bench.peers.ensemble import ensemble, onnxruntime_ensemble
from wrinkle_bench.peers.fastapi_peer import fastapi_service
from wrinkle_bench.peers.peer import Contender
from wrinkle_core.contract import SegmenterContract
from wrinkle_core.errors import InvalidParameterError

__all__ = ["CONTENDERS", "contenders"]

Entry = Callable[[SegmenterContract, BenchNetwork], Contender]


def _ours(spec: SegmenterContract, network: BenchNetwork) -> Contender:
    precision = "bf16" if computes_in_bf16() else "f32"
    title = f"Triton ensemble, OpenVINO {precision}: `wrinkle serve`"
    return Contender("ensemble", title, f"openvino-{precision}", ensemble(spec, network.served()))


def _onnxruntime(spec: SegmenterContract, network: BenchNetwork) -> Contender:
    title = "the same ensemble, ONNX Runtime fp32 in the Python step"
    return Contender("onnxruntime", title, "onnx-fp32", onnxruntime_ensemble(spec, network.onnx))


def _fastapi(_spec: SegmenterContract, network: BenchNetwork) -> Contender:
    return Contender("fastapi", "FastAPI + torch eager fp32", "openvino-f32", fastapi_service(network.checkpoint))


def _torchserve(_spec: SegmenterContract, network: BenchNetwork) -> Contender:
    from wrinkle_bench.peers.torchserve_peer import torchserve  # an extra of its own

    start = torchserve(network.checkpoint, "fp32", compiled=False)
    return Contender("torchserve", "TorchServe 0.12, torch eager fp32", "openvino-f32", start)


def _torchserve_compiled(_spec: SegmenterContract, network: BenchNetwork) -> Contender:
    from wrinkle_bench.peers.torchserve_peer import torchserve

    start = torchserve(network.checkpoint, "bf16", compiled=True)
    return Contender("torchserve-bf16", "TorchServe 0.12, torch compiled, bf16 autocast", "openvino-bf16", start)


CONTENDERS: Final[dict[str, Entry]] = {
    "ensemble": _ours,
    "torchserve": _torchserve,
    "torchserve-bf16": _torchserve_compiled,
    "fastapi": _fastapi,
    "onnxruntime": _onnxruntime,
}


def contenders(names: list[str], spec: SegmenterContract, network: BenchNetwork) -> list[Contender]:
    """Return the systems with these names, our ensemble first: everything is compared with it.

    Raises:
        InvalidParameterError: There is no such system.
    """
    unknown = sorted(set(names) - CONTENDERS.keys())
    if unknown:
        raise InvalidParameterError(f"No peer is called {unknown[0]!r}; there are {', '.join(CONTENDERS)}.")
    return [make(spec, network) for name, make in CONTENDERS.items() if name == "ensemble" or name in names]
