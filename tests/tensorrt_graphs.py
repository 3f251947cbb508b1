"""Small ONNX graphs between the contract's ports, sound and broken, and what the plan builder's tests run on.

``tensorrt_rtx`` parses and builds here as TensorRT does on a GPU host. It cannot execute a plan without a GPU, so
ONNX Runtime answers in the plan's place: on the same graph when the comparison is to pass, on another when it is not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from wrinkle_core.contract import NETWORK_CONTRACT_VERSION
from wrinkle_export.artifacts.build_folder import BuildFolder, Draft
from wrinkle_export.artifacts.manifest import Artifact, ParityRecord, Ports, Precision, Source
from wrinkle_export.tensorrt.comparison import onnx_runtime
from wrinkle_export.tensorrt.graph_check import input_shape
from wrinkle_export.tensorrt.preflight import Gpu
from wrinkle_export.tensorrt.toolkit import Toolkit

__all__ = [
    "CHANNELS",
    "INPUT_PX",
    "L4",
    "darkness_graph",
    "float_output_graph",
    "mixed_types_graph",
    "publish_graph",
    "rtx_toolkit",
    "unsupported_graph",
    "wide_graph",
]

CHANNELS = 3
INPUT_PX = 32
L4 = Gpu("NVIDIA L4", "8.9", "12.4")


def darkness_graph(white: float = 255.0, input_px: int = INPUT_PX) -> onnx.ModelProto:
    """Return a sound graph: how much darker than ``white`` the mean of the channels is, in FP16."""
    nodes = [
        helper.make_node("Sub", ["white", "mean"], ["difference"], name="difference"),
        helper.make_node("Relu", ["difference"], ["darkness"], name="darkness"),
        helper.make_node("Round", ["darkness"], ["rounded"], name="rounded"),
        _to_bytes("rounded"),
    ]
    return _graph(nodes, {"white": np.array(white, np.float16)}, input_px=input_px)


def unsupported_graph() -> onnx.ModelProto:
    """Return a graph with two operators that TensorRT does not have: nodes ``turned`` and ``determinant``."""
    nodes = [
        helper.make_node("BitShift", ["INPUT", "INPUT"], ["bits"], name="turned", direction="LEFT"),
        helper.make_node("Det", ["pixels"], ["volume"], name="determinant"),
        _to_bytes("mean"),
    ]
    return _graph(nodes, {})


def mixed_types_graph() -> onnx.ModelProto:
    """Return a graph whose node ``mixed_sum`` adds a float to a half."""
    nodes = [helper.make_node("Add", ["mean", "one"], ["sum"], name="mixed_sum"), _to_bytes("sum")]
    return _graph(nodes, {"one": np.array(1, np.float32)})


def float_output_graph() -> onnx.ModelProto:
    """Return a graph whose node ``to_float`` makes the answer float32."""
    last = helper.make_node("Cast", ["mean"], ["PROBABILITY"], name="to_float", to=TensorProto.FLOAT)
    return _graph([last], {}, output_type=TensorProto.FLOAT)


def wide_graph(input_px: int) -> onnx.ModelProto:
    """Return a sound graph of two convolutions with 16 channels between them, which need memory."""
    random = np.random.default_rng(3)
    nodes = [
        helper.make_node("Conv", ["pixels", "first"], ["features"], name="first", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["features"], ["positive"], name="positive"),
        helper.make_node("Conv", ["positive", "second"], ["plane"], name="second", pads=[1, 1, 1, 1]),
        helper.make_node("Squeeze", ["plane", "axes"], ["flat"], name="flat"),
        _to_bytes("flat"),
    ]
    weights = {"first": (16, CHANNELS, 3, 3), "second": (1, 16, 3, 3)}
    constants = {name: random.normal(0, 0.01, shape).astype(np.float16) for name, shape in weights.items()}
    return _graph(nodes, constants, input_px=input_px)


def publish_graph(
    build: BuildFolder,
    model: onnx.ModelProto,
    network: str = "darkness",
    precision: Precision = "fp16",
    contract_version: int = NETWORK_CONTRACT_VERSION,
) -> Artifact:
    """Put ``model`` into a build folder as the ONNX artifact of a network."""

    def make(folder: Path) -> tuple[ParityRecord, ...]:
        (folder / "model.onnx").write_bytes(model.SerializeToString())
        return ()

    source = Source(network=network, checkpoint_sha256=None, random_seed=0, recipe={}, segmenter=None)
    _, channels, input_px, _ = input_shape(model)
    ports = Ports.of_network(channels, input_px).model_copy(update={"contract_version": contract_version})
    key = hashlib.sha256(model.SerializeToString()).hexdigest()
    draft = Draft(f"{network}/onnx-{precision}", "model.onnx", "onnx", precision, key, source, ports, {}, 18)
    return build.publish(draft, make)


def rtx_toolkit(executed: onnx.ModelProto, gpu: Gpu = L4) -> Toolkit:
    """Return TensorRT-RTX as the builder, with ONNX Runtime on ``executed`` in the place of every plan."""
    run = onnx_runtime(executed)
    return Toolkit(import_module("tensorrt_rtx"), gpu, lambda plan: nullcontext(run))


def _graph(
    nodes: Sequence[onnx.NodeProto],
    constants: Mapping[str, NDArray[np.generic]],
    *,
    output_type: int = TensorProto.UINT8,
    input_px: int = INPUT_PX,
) -> onnx.ModelProto:
    """Return a graph whose ``nodes`` turn ``mean``, the half-precision mean of the channels, into ``PROBABILITY``."""
    head = [
        helper.make_node("Cast", ["INPUT"], ["pixels"], name="to_half", to=TensorProto.FLOAT16),
        helper.make_node("ReduceMean", ["pixels", "axes"], ["mean"], name="mean", keepdims=0),
    ]
    constants = {"axes": np.array([1], np.int64), **constants}
    graph = helper.make_graph(
        [*head, *nodes],
        "wrinkle",
        [helper.make_tensor_value_info("INPUT", TensorProto.UINT8, ["batch", CHANNELS, input_px, input_px])],
        [helper.make_tensor_value_info("PROBABILITY", output_type, ["batch", input_px, input_px])],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def _to_bytes(tensor: str) -> onnx.NodeProto:
    return helper.make_node("Cast", [tensor], ["PROBABILITY"], name="to_bytes", to=TensorProto.UINT8)
