"""A strongly typed network from ONNX, on every generation of TensorRT that has one.

Up to version 10 strong typing is a flag at creation; 11 always types strongly, keeps the flag without effect, and has
lost the builder flags of weak typing.

Source: TensorRT documentation, "Migrating from TensorRT 10.x to 11.x", ``NetworkDefinitionCreationFlag``,
``OnnxParser``.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any, Final

import onnx

from wrinkle_core.errors import ArtifactError
from wrinkle_export.tensorrt.builder_log import builder_log, plain
from wrinkle_export.tensorrt.graph_check import node_label
from wrinkle_export.tensorrt.refusal import Refusal

__all__ = ["parse_into", "parser_refusals", "strongly_typed_network"]

_UNSUPPORTED: Final = "UNSUPPORTED"


def strongly_typed_network(module: ModuleType, builder: Any) -> Any:
    """Return an empty network in which every tensor has the type its graph gives it.

    Args:
        module: ``tensorrt``, or one with its interface.
        builder: Made from it.

    Raises:
        ArtifactError: The module can only type weakly, so an FP16 graph would not keep its precision.
    """
    flag = getattr(module.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    if flag is not None:
        return builder.create_network(1 << int(flag))
    if hasattr(module.BuilderFlag, "FP16"):
        raise ArtifactError(f"TensorRT {module.__version__} has no strongly typed networks; use 10.12 or later.")
    return builder.create_network()


def parse_into(module: ModuleType, network: Any, model: onnx.ModelProto) -> tuple[Refusal, ...]:
    """Parse ``model`` into an empty ``network``.

    Args:
        module: ``tensorrt``, or one with its interface.
        network: From ``strongly_typed_network``.
        model: The graph.

    Returns:
        The nodes that the parser refuses; nothing when the network now holds the whole graph.
    """
    parser = module.OnnxParser(network, builder_log(module).logger)
    parsed = parser.parse(model.SerializeToString())
    if parsed and network.num_outputs:
        return ()
    found = tuple(_refusals(parser, model))
    return found or (Refusal(stage="parser", node="", op_type="", reason="TensorRT's parser found no outputs"),)


def parser_refusals(module: ModuleType, model: onnx.ModelProto) -> tuple[Refusal, ...]:
    """Return every node the parser refuses, not only the first.

    Args:
        module: ``tensorrt``, or one with its interface.
        model: The graph.
    """
    log = builder_log(module)
    builder = module.Builder(log.logger)
    network = strongly_typed_network(module, builder)
    if not (first := parse_into(module, network, model)):
        return ()
    surveyed = strongly_typed_network(module, builder)
    parser = module.OnnxParser(surveyed, log.logger)
    parser.supports_model_v2(model.SerializeToString())
    known = {(refusal.node, refusal.op_type) for refusal in first}
    others = (refusal for refusal in _refusals(parser, model) if (refusal.node, refusal.op_type) not in known)
    return (*first, *others)


def _refusals(parser: Any, model: onnx.ModelProto) -> Iterator[Refusal]:
    nodes = model.graph.node
    for number in range(parser.num_errors):
        error = parser.get_error(number)
        index = error.node()
        in_graph = nodes[index] if 0 <= index < len(nodes) and not error.local_function_stack_size() else None
        name = error.node_name() or (node_label(in_graph) if in_graph is not None else "")
        op_type = error.node_operator() or (in_graph.op_type if in_graph is not None else "")
        yield Refusal(stage="parser", node=name, op_type=op_type, reason=_reason(error, op_type))


def _reason(error: Any, op_type: str) -> str:
    said = plain(str(error.desc()))
    if _UNSUPPORTED in error.code().name:
        detail = "" if said in ("", "false") else f": {said}"
        return f"TensorRT does not support {op_type or 'this node'} as it is used here{detail}"
    return said
