"""An FP32 graph in half precision: computed in FP16, or only stored in it.

TensorRT 11 and strongly typed TensorRT 10 take precision from the graph and from nowhere else. What is computed in
FP16 here is everything between normalisation and sigmoid; pixels 0 to 255 and the probability keep FP32, for FP16 has
11 bits.

Source: TensorRT documentation, "Strongly Typed Networks".
"""

from __future__ import annotations

from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from wrinkle_core.errors import ArtifactError
from wrinkle_export.graph import UNROUNDED
from wrinkle_export.graph.trace import checked

__all__ = ["compute_in_half", "store_weights_as_half"]

_SMALLEST_STORED_AS_HALF: Final = 16_384  # the rest is a twentieth of the file and nine tenths of the error
_LARGEST_HALF: Final = float(np.finfo(np.float16).max)
_NORMALISATION: Final = frozenset({"Cast", "Mul", "Add", "Sub", "Div"})
_FLOAT_INPUTS: Final = {"Resize": (1, 2)}  # roi and scales stay FP32 whatever the image is


def compute_in_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return an FP32 graph that computes in FP16 between normalisation and sigmoid; its ports stay as they are.

    Args:
        model: From ``trace_network``; not changed.

    Raises:
        ArtifactError: The graph does not begin with a normalisation or does not end with a sigmoid.
    """
    half = onnx.ModelProto.FromString(model.SerializeToString())
    graph = half.graph
    head, tail = _normalisation(graph), _quantisation(graph)
    normalised, logit = head[-1].output[0], tail[0].input[0]
    outside = {node.output[0] for node in (*head, *tail)}
    body = [node for node in graph.node if node.output[0] not in outside]
    weights = {weight.name: weight for weight in graph.initializer if weight.data_type == TensorProto.FLOAT}
    copies: dict[str, str] = {}
    for node in body:
        for index, name in enumerate(node.input):
            if index in _FLOAT_INPUTS.get(node.op_type, ()):
                continue
            if name == normalised:
                node.input[index] = f"{normalised}.half"
            elif name in weights:
                copies.setdefault(name, f"{name}.half")
                node.input[index] = copies[name]
        _retype_attributes(node)
    graph.initializer.extend(
        numpy_helper.from_array(_as_half(numpy_helper.to_array(weights[old])), new) for old, new in copies.items()
    )
    for node in body:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                if name == logit:
                    names[index] = f"{logit}.half"
    into = helper.make_node("Cast", [normalised], [f"{normalised}.half"], name="into_half", to=TensorProto.FLOAT16)
    out_of = helper.make_node("Cast", [f"{logit}.half"], [logit], name="out_of_half", to=TensorProto.FLOAT)
    nodes = [*head, into, *body, out_of, *tail]
    del graph.node[:]
    graph.node.extend(nodes)
    _drop_unused_weights(graph)
    return checked(half)


def store_weights_as_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a graph whose large FP32 weights are stored as FP16, each followed by a Cast to FP32.

    The Casts are constant: runtimes fold them when they load the file and compute in the precision they choose.

    Args:
        model: From ``trace_network``; not changed.
    """
    stored_model = onnx.ModelProto.FromString(model.SerializeToString())
    graph = stored_model.graph
    casts = []
    for weight in list(graph.initializer):
        values = numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < _SMALLEST_STORED_AS_HALF:
            continue
        stored = f"{weight.name}.half"
        graph.initializer.remove(weight)
        graph.initializer.append(numpy_helper.from_array(_as_half(values), stored))
        casts.append(helper.make_node("Cast", [stored], [weight.name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return checked(stored_model)


def _normalisation(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Return the nodes that scale and shift the input, in order."""
    chain: list[onnx.NodeProto] = []
    value = graph.input[0].name
    while True:
        consumers = [node for node in graph.node if value in node.input]
        if len(consumers) != 1 or consumers[0].op_type not in _NORMALISATION:
            break
        chain.append(consumers[0])
        value = consumers[0].output[0]
    if not chain:
        raise ArtifactError("The graph does not begin with the normalisation of its input.")
    return chain


def _quantisation(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Return the sigmoid and the nodes that follow it, in order."""
    reached, chain = {UNROUNDED}, []
    for node in graph.node:
        if UNROUNDED in node.output or reached & set(node.input):
            chain.append(node)
            reached.update(node.output)
    if not chain or chain[0].op_type != "Sigmoid":
        raise ArtifactError(f"The graph has no sigmoid that makes {UNROUNDED}.")
    return chain


def _retype_attributes(node: onnx.NodeProto) -> None:
    for attribute in node.attribute:
        if attribute.name == "to" and attribute.i == TensorProto.FLOAT:
            attribute.i = TensorProto.FLOAT16
        elif attribute.type == onnx.AttributeProto.TENSOR and attribute.t.data_type == TensorProto.FLOAT:
            attribute.t.CopyFrom(numpy_helper.from_array(_as_half(numpy_helper.to_array(attribute.t))))


def _as_half(values: NDArray[np.float32]) -> NDArray[np.float16]:
    return np.clip(values, -_LARGEST_HALF, _LARGEST_HALF).astype(np.float16)


def _drop_unused_weights(graph: onnx.GraphProto) -> None:
    used = {name for node in graph.node for name in node.input}
    kept = [weight for weight in graph.initializer if weight.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
