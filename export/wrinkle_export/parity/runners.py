"""Every way of running a network, in one shape: pixels in, probability before and after rounding out.

The exported graphs call the FP32 probability before it is rounded ``probability_unrounded``; here it becomes a second
output, in memory only. Both come from the same run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from wrinkle_core.errors import ArtifactError
from wrinkle_core.openvino_core import openvino_core, ov
from wrinkle_export.graph import UNROUNDED
from wrinkle_export.graph.onnx_session import onnx_session
from wrinkle_train.networks.deployable import Deployable

__all__ = ["Answer", "Hint", "Runner", "onnx_runner", "openvino_runner", "processor_has_bf16", "torch_runner"]

Hint = Literal["f32", "bf16"]


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a network says.

    Attributes:
        probability: (N, S, S) float32 before rounding; ``levels`` / 255 where the graph does not show it.
        levels: (N, S, S) uint8, probability times 255, rounded: what is served.
        is_exact: Whether ``probability`` is from before rounding.
    """

    probability: NDArray[np.float32]
    levels: NDArray[np.uint8]
    is_exact: bool

    @classmethod
    def of(cls, levels: NDArray[np.uint8], unrounded: NDArray[np.float32] | None) -> Answer:
        """Return an answer from the served output and, where there is one, what it was rounded from."""
        if unrounded is None:
            return cls(levels.astype(np.float32) / np.float32(255), levels, is_exact=False)
        return cls(unrounded.reshape(levels.shape).astype(np.float32), levels, is_exact=True)


Runner = Callable[[NDArray[np.uint8]], Answer]  # takes (N, C, S, S) uint8


def torch_runner(network: Deployable) -> Runner:
    """Run a network with PyTorch in FP32, the reference; its levels are rounded here, as the contract says."""
    network.eval()

    def run(pixels: NDArray[np.uint8]) -> Answer:
        with torch.inference_mode():
            probability = np.asarray(network.probability(torch.from_numpy(pixels)).numpy())
        return Answer.of(np.rint(np.clip(probability * 255.0, 0.0, 255.0)).astype(np.uint8), probability)

    return run


def onnx_runner(path: Path) -> Runner:
    """Run an ONNX file with ONNX Runtime on the CPU, in the types the graph says.

    Raises:
        ArtifactError: ONNX Runtime cannot run it.
    """
    answer = onnx_session(onnx.load(path), path.name)
    return lambda pixels: Answer.of(*answer(pixels))


def openvino_runner(path: Path, hint: Hint) -> Runner:
    """Run an IR or ONNX file with OpenVINO on the CPU.

    Args:
        path: ``model.xml`` or ``model.onnx``.
        hint: Inference precision that is asked for.

    Raises:
        ArtifactError: OpenVINO cannot run it.
    """
    core = openvino_core()
    try:
        model = core.read_model(path)
        shown = any(UNROUNDED in output.get_names() for node in model.get_ops() for output in node.outputs())
        if shown:
            model.add_outputs(UNROUNDED)
        settings = {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}
        request = core.compile_model(model, "CPU", settings).create_infer_request()
    except RuntimeError as error:
        raise ArtifactError(f"OpenVINO cannot run {path.name}: {' '.join(str(error).split())[-300:]}") from None

    def run(pixels: NDArray[np.uint8]) -> Answer:
        request.infer({"INPUT": ov.Tensor(np.ascontiguousarray(pixels), shared_memory=True)})
        unrounded = np.array(request.get_tensor(UNROUNDED).data) if shown else None
        return Answer.of(np.array(request.get_tensor("PROBABILITY").data), unrounded)

    return run


def processor_has_bf16() -> bool:
    """Return whether this processor computes in BF16, so that OpenVINO's BF16 hint means something here."""
    capabilities: list[Any] = openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "BF16" in capabilities
