"""The highest rate of arithmetic that OpenVINO reaches on this processor: no network computes faster.

A few layers that are nothing but arithmetic, of sizes that keep every unit busy: convolutions and matrix products in
each precision. Which is fastest depends on the processor, so each is tried and the best counts.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from wrinkle_core.openvino_core import openvino_core, ov

__all__ = ["Arithmetic", "Kernel", "kernels"]

Arithmetic = Literal["bf16", "f32", "int8"]

_CHANNELS: Final = 256
_SIDE_PX: Final = 64
_PRODUCT: Final = 2048
_LAYERS: Final = 8
_SEED: Final = 0
_TERA: Final = 1e12


@dataclass(frozen=True, slots=True)
class Kernel:
    """One kernel in one precision, compiled.

    Attributes:
        name: What it computes.
        arithmetic: In which precision.
        operations: Of one run; a multiplication and an addition count as two.
    """

    name: str
    arithmetic: Arithmetic
    operations: int
    _request: Any

    def tops(self, seconds: float) -> float:
        """Run for so long or a little longer, and return operations per second in 10^12."""
        runs, began_s = 0, time.perf_counter()
        while (took_s := time.perf_counter() - began_s) < seconds or not runs:
            self._request.infer()
            runs += 1
        return runs * self.operations / took_s / _TERA


def kernels(*, bf16: bool) -> list[Kernel]:
    """Return every kernel, warm.

    Args:
        bf16: Whether the processor has it.
    """
    plain: list[Arithmetic] = ["bf16", "f32"] if bf16 else ["f32"]
    found = [_compiled(each, *made) for each in plain for made in (_convolutions(quantised=False), _products())]
    return [*found, _compiled("int8", *_convolutions(quantised=True))]


def _compiled(arithmetic: Arithmetic, name: str, model: Any, operations: int) -> Kernel:
    hint = "bf16" if arithmetic == "bf16" else "f32"
    compiled = openvino_core().compile_model(
        model, "CPU", {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": hint}
    )
    request = compiled.create_infer_request()
    levels = np.random.default_rng(_SEED).uniform(0.0, 255.0, model.inputs[0].shape).astype(np.float32)
    request.set_input_tensor(ov.Tensor(levels))
    request.infer()
    return Kernel(name, arithmetic, operations, request)


def _convolutions(*, quantised: bool) -> tuple[str, Any, int]:
    op, random = ov.opset13, np.random.default_rng(_SEED)
    start = op.parameter([1, _CHANNELS, _SIDE_PX, _SIDE_PX], np.float32)
    node = start
    for _ in range(_LAYERS):
        weights = op.constant(random.uniform(-1.0, 1.0, (_CHANNELS, _CHANNELS, 3, 3)).astype(np.float32))
        if quantised:
            node, weights = _rounded(node, 0.0, 255.0, 256), _rounded(weights, -1.0, 1.0, 255)
        node = op.convolution(node, weights, [1, 1], [1, 1], [1, 1], [1, 1])
    model = ov.Model([op.reduce_max(node, np.array([2, 3]), False)], [start], "convolutions")
    return "convolution", model, 2 * _LAYERS * _CHANNELS**2 * 9 * _SIDE_PX**2


def _products() -> tuple[str, Any, int]:
    op, random = ov.opset13, np.random.default_rng(_SEED)
    start = op.parameter([_PRODUCT, _PRODUCT], np.float32)
    node = start
    for _ in range(_LAYERS // 2):
        matrix = op.constant(random.uniform(-1.0, 1.0, (_PRODUCT, _PRODUCT)).astype(np.float32))
        node = op.matmul(node, matrix, False, False)
    model = ov.Model([op.reduce_max(node, np.array([1]), False)], [start], "products")
    return "matrix product", model, 2 * (_LAYERS // 2) * _PRODUCT**3


def _rounded(node: Any, low: float, high: float, levels: int) -> Any:
    """Return the node in so many levels: what tells OpenVINO to compute in INT8."""
    op = ov.opset13
    ends = [op.constant(np.float32(end)) for end in (low, high)]
    return op.fake_quantize(node, *ends, *ends, levels)
