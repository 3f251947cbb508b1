"""Trained network to a deployable ONNX file.

Input ``INPUT`` UINT8 [N, C, S, S], output ``PROBABILITY`` UINT8 [N, S, S], the batch axis dynamic. Weights are stored
as FP16 and cast back where they are used, so the file is small and every runtime still computes in the precision it
chooses.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper

from wrinkle_core.contract import SegmenterContract
from wrinkle_core.errors import ArtifactError
from wrinkle_train.networks.deployable import Deployable

__all__ = ["export_onnx", "store_weights_as_fp16", "to_onnx", "without_traces"]

_OPSET: Final = 18
_LARGEST_BATCH: Final = 64
_SMALLEST_STORED_AS_FP16: Final = 256


def export_onnx(network: Deployable, spec: SegmenterContract, path: Path) -> Path:
    """Write ``network`` as ``spec``'s ONNX file with FP16 weights and return ``path``, which is replaced at once.

    Args:
        network: The network with its normalisation; put into evaluation mode here.
        spec: Gives channels and side of the input.
        path: Where to.
    """
    model = without_traces(store_weights_as_fp16(to_onnx(network, spec)))
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(model.SerializeToString())
    os.replace(partial, path)
    return path


def to_onnx(network: Deployable, spec: SegmenterContract) -> onnx.ModelProto:
    """Return ``network`` as an ONNX graph with FP32 weights, batch norms folded.

    Raises:
        ArtifactError: Torch could not export it.
    """
    network.eval()
    example = torch.randint(0, 256, (2, len(spec.channels), spec.input_px, spec.input_px), dtype=torch.uint8)
    program = torch.onnx.export(
        network,
        (example,),
        input_names=["INPUT"],
        output_names=["PROBABILITY"],
        dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=_LARGEST_BATCH)},),
        opset_version=_OPSET,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    if program is None:
        raise ArtifactError(f"Torch could not export {spec.name} to ONNX.")
    return program.model_proto


def without_traces(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return ``model`` without torch's notes on the source line of each node: they hold paths of this machine."""
    graph = model.graph
    parts: list[Any] = [model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer]
    for part in parts:
        del part.metadata_props[:]
        part.doc_string = ""
    return model


def store_weights_as_fp16(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return ``model`` with its large FP32 initialisers stored as FP16, each followed by a Cast to FP32.

    The Casts are constant: runtimes fold them when they load the file.
    """
    graph = model.graph
    casts = []
    for weight in list(graph.initializer):
        values = numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < _SMALLEST_STORED_AS_FP16:
            continue
        stored = f"{weight.name}.fp16"
        graph.initializer.remove(weight)
        graph.initializer.append(numpy_helper.from_array(values.astype(np.float16), stored))
        casts.append(helper.make_node("Cast", [stored], [weight.name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return model
