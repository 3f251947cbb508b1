"""What can be said of an ONNX graph before TensorRT sees it: its types agree, and its ports are the contract's.

TensorRT's parser takes a file of rubbish for an empty network, and its builder fills in an output type that the file
does not state, so both are checked here.

Source: ONNX documentation, "Shape Inference", ``strict_mode`` and ``check_type``; the tensor contract.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import onnx
from google.protobuf.message import DecodeError

from wrinkle_core.errors import ArtifactError
from wrinkle_export.artifacts.manifest import Port, Ports
from wrinkle_export.tensorrt.refusal import Refusal

__all__ = ["contract_refusals", "input_shape", "node_label", "read_graph", "type_refusals"]

_NODE_IN_MESSAGE: Final = re.compile(r"\(op_type:\s*(?P<op>[^,)]*)(?:, node name:\s*(?P<node>[^)]*))?\):?\s*")
_INPUT: Final = "INPUT"


def read_graph(path: Path) -> onnx.ModelProto:
    """Read an ONNX file.

    Raises:
        ArtifactError: There is none, it is no ONNX file, or it has no nodes.
    """
    try:
        model = onnx.load_model(path)
    except (OSError, DecodeError) as error:
        reason = "is not there" if isinstance(error, FileNotFoundError) else "is not an ONNX file"
        raise ArtifactError(f"{path.name} {reason}; make one with `wrinkle export onnx`.") from None
    if not model.graph.node:
        raise ArtifactError(f"{path.name} holds no graph; make one with `wrinkle export onnx`.")
    return model


def type_refusals(model: onnx.ModelProto) -> tuple[Refusal, ...]:
    """Return the nodes whose types or shapes contradict ONNX's own rules, as far as ONNX looks."""
    try:
        onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    except onnx.shape_inference.InferenceError as error:
        return tuple(_named(str(error)))
    return ()


def contract_refusals(model: onnx.ModelProto) -> tuple[Refusal, ...]:
    """Return where the graph's ports differ from those of a network of its input's channels and side."""
    _, channels, _, input_px = input_shape(model)
    wanted = Ports.of_network(channels, input_px)
    sides = (("input", wanted.inputs, model.graph.input), ("output", wanted.outputs, model.graph.output))
    return tuple(
        refusal for side, ports, values in sides for refusal in _port_refusals(side, ports, list(values), model)
    )


def input_shape(model: onnx.ModelProto) -> tuple[int, int, int, int]:
    """Return the shape of ``INPUT``, -1 for a dynamic axis; zeros when there is none of four axes."""
    shape: tuple[int, ...] = next((_port(value).shape for value in model.graph.input if value.name == _INPUT), ())
    return (shape[0], shape[1], shape[2], shape[3]) if len(shape) == 4 else (0, 0, 0, 0)


def node_label(node: onnx.NodeProto) -> str:
    """Return a node's name, or the name of what it computes when it has none."""
    return node.name or f"-> {', '.join(node.output)}"


def _port_refusals(
    side: str, wanted: tuple[Port, ...], found: list[onnx.ValueInfoProto], model: onnx.ModelProto
) -> Iterator[Refusal]:
    by_name = {value.name: value for value in found}
    for port in wanted:
        value = by_name.pop(port.name, None)
        node = _producer(model.graph.node, port.name)
        label, op_type = (node_label(node), node.op_type) if node is not None else ("", "")
        if value is None:
            reason = f"the graph has no {side} {port.name}"
        elif _port(value) != port:
            reason = f"{port.name} is {_text(_port(value))}, the contract wants {_text(port)}"
        else:
            continue
        yield Refusal(stage="contract", node=label, op_type=op_type, reason=reason)
    for name in by_name:
        yield Refusal(stage="contract", node="", op_type="", reason=f"the contract has no {side} {name}")


def _port(value: onnx.ValueInfoProto) -> Port:
    tensor = value.type.tensor_type
    datatype = onnx.TensorProto.DataType.Name(tensor.elem_type)
    shape = tuple(axis.dim_value if axis.HasField("dim_value") else -1 for axis in tensor.shape.dim)
    return Port(name=value.name, datatype=datatype, shape=shape)


def _text(port: Port) -> str:
    return f"{port.datatype} {list(port.shape)}"


def _producer(nodes: Iterable[onnx.NodeProto], tensor: str) -> onnx.NodeProto | None:
    return next((node for node in nodes if tensor in node.output), None)


def _named(message: str) -> Iterator[Refusal]:
    """Split ONNX's message into one refusal per node."""
    marks = list(_NODE_IN_MESSAGE.finditer(message))
    if not marks:
        yield Refusal(stage="onnx", node="", op_type="", reason=" ".join(message.split()))
    for mark, after in zip(marks, [*marks[1:], None], strict=True):
        reason = message[mark.end() : after.start() if after is not None else None]
        yield Refusal(
            stage="onnx", node=mark["node"] or "", op_type=mark["op"].strip(), reason=" ".join(reason.split())
        )
