"""A torch network as an ONNX graph in FP32.

``INPUT`` UINT8 [N, C, S, S] to ``PROBABILITY`` UINT8 [N, S, S], the batch axis dynamic, normalisation and activation
inside. Batch norms are folded into convolutions and everything that does not depend on the input, such as SwinUNETR's
attention masks, into constants. The FP32 probability before it is rounded is called ``probability_unrounded``.

Source: torch.onnx.export with ``dynamo=True``; https://github.com/inisis/OnnxSlim.
"""

from __future__ import annotations

from typing import Any, Final

import onnx
import onnxslim
import torch

from wrinkle_core.errors import ArtifactError, WrinkleError
from wrinkle_export.graph import UNROUNDED
from wrinkle_train.networks.deployable import Deployable

__all__ = ["OPSET", "checked", "trace_network"]

OPSET: Final = 18
_LARGEST_BATCH: Final = 64


def trace_network(network: Deployable, channels: int, input_px: int) -> onnx.ModelProto:
    """Return ``network`` as a folded FP32 graph that tells nothing of the machine it was made on.

    Args:
        network: The network with its normalisation; put into evaluation mode here.
        channels: Of its input.
        input_px: Side of its square input.

    Raises:
        ArtifactError: Torch cannot express the network in ONNX, or the graph does not end as it must.
        ContractError: The network does not take such an input.
    """
    network.eval()
    example = torch.zeros((2, channels, input_px, input_px), dtype=torch.uint8)
    try:
        program = torch.onnx.export(
            network,
            (example,),
            input_names=["INPUT"],
            output_names=["PROBABILITY"],
            dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=_LARGEST_BATCH)},),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    except torch.onnx.errors.OnnxExporterError as error:
        if isinstance(error.__cause__, WrinkleError):  # the network itself says what it does not take
            raise error.__cause__ from None
        raise ArtifactError(f"Torch cannot express the network in ONNX: {str(error).splitlines()[0]}") from error
    assert program is not None
    return checked(_with_named_probability(onnxslim.slim(_without_traces(program.model_proto))))


def checked(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return ``model`` with the type and shape of every tensor inferred anew.

    Raises:
        ArtifactError: A node's types or shapes contradict each other; the message names the node.
    """
    del model.graph.value_info[:]
    try:
        inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
        onnx.checker.check_model(inferred)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ArtifactError(f"The graph is not valid ONNX: {' '.join(str(error).split())}") from None
    return inferred


def _without_traces(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drop torch's notes on the source line of each node: they hold paths of this machine."""
    graph = model.graph
    parts: list[Any] = [model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer]
    for part in parts:
        del part.metadata_props[:]
        part.doc_string = ""
    return model


def _with_named_probability(model: onnx.ModelProto) -> onnx.ModelProto:
    sigmoids = [node for node in model.graph.node if node.op_type == "Sigmoid"]
    if not sigmoids:
        raise ArtifactError("The graph has no sigmoid before its output; export a Deployable.")
    old = sigmoids[-1].output[0]
    for node in model.graph.node:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                if name == old:
                    names[index] = UNROUNDED
    return model
