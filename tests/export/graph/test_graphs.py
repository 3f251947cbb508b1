"""Every deployable network, in every precision, answers what torch answers; TensorRT's CPU gate takes it in FP16."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto

from small_networks import SMALL_NETWORKS, network, traced
from wrinkle_core.errors import ArtifactError, ContractError
from wrinkle_export.graph import UNROUNDED
from wrinkle_export.graph.half import compute_in_half, store_weights_as_half
from wrinkle_export.graph.onnx_session import onnx_session
from wrinkle_export.graph.trace import checked, trace_network
from wrinkle_export.tensorrt.gate import check_onnx

LARGEST_DIFFERENCE = {"fp32": 1e-4, "fp16": 0.02, "fp16-storage": 0.02}


def pixels(name: str, batch: int) -> NDArray[np.uint8]:
    small = SMALL_NETWORKS[name]
    shape = (batch, small.recipe.in_channels, small.input_px, small.input_px)
    return np.random.default_rng(5).integers(0, 256, shape, dtype=np.uint8)


def in_precision(name: str, precision: str) -> onnx.ModelProto:
    model = traced(name)
    if precision == "fp32":
        return model
    return compute_in_half(model) if precision == "fp16" else store_weights_as_half(model)


@pytest.mark.parametrize("precision", LARGEST_DIFFERENCE)
@pytest.mark.parametrize("name", SMALL_NETWORKS)
def test_a_graph_answers_what_torch_answers_whatever_the_batch(name: str, precision: str) -> None:
    model = in_precision(name, precision)
    for batch in (1, 3):
        image = pixels(name, batch)
        with torch.inference_mode():
            wanted = network(name).probability(torch.from_numpy(image)).numpy()
        rounded, unrounded = onnx_session(model)(image)
        assert unrounded is not None
        assert np.abs(unrounded - wanted).max() <= LARGEST_DIFFERENCE[precision]
        assert rounded.dtype == np.uint8
        np.testing.assert_array_equal(rounded, np.round(unrounded * 255))


@pytest.mark.parametrize("name", SMALL_NETWORKS)
def test_an_fp16_graph_computes_in_half_between_normalisation_and_sigmoid(name: str) -> None:
    graph = in_precision(name, "fp16").graph
    types = {value.name: value.type.tensor_type.elem_type for value in graph.value_info}
    assert types[UNROUNDED] == TensorProto.FLOAT
    computing = [node for node in graph.node if node.op_type in ("Conv", "ConvTranspose", "MatMul")]
    assert computing
    assert {types[node.output[0]] for node in computing} == {TensorProto.FLOAT16}


@pytest.mark.parametrize("name", SMALL_NETWORKS)
def test_the_tensorrt_gate_accepts_an_fp16_graph(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(in_precision(name, "fp16").SerializeToString())
    report = check_onnx(path, timeout_s=200)
    assert report.refusals == ()
    assert report.plan_bytes > 0


@pytest.mark.parametrize("name", ["unetpp", "unet-4", "swin-unetr"])
def test_half_precision_halves_the_file(name: str) -> None:
    assert in_precision(name, "fp16").ByteSize() < 0.6 * traced(name).ByteSize()


def test_large_weights_alone_are_stored_in_half() -> None:
    stored = in_precision("unetpp", "fp16-storage")
    assert stored.ByteSize() < 0.6 * traced("unetpp").ByteSize()
    in_half = [weight for weight in stored.graph.initializer if weight.data_type == TensorProto.FLOAT16]
    assert in_half
    assert min(int(np.prod(weight.dims)) for weight in in_half) >= 16_384


@pytest.mark.parametrize("name", SMALL_NETWORKS)
def test_batch_norms_and_constant_masks_are_folded(name: str) -> None:
    operators = {node.op_type for node in traced(name).graph.node}
    assert not operators & {"BatchNormalization", "Where", "Equal", "Not", "Range", "If", "Loop"}


@pytest.mark.parametrize("name", SMALL_NETWORKS)
def test_a_graph_tells_nothing_of_the_machine_it_was_made_on(name: str) -> None:
    without_weights = onnx.ModelProto.FromString(traced(name).SerializeToString())
    for weight in without_weights.graph.initializer:
        weight.ClearField("raw_data")
    content = without_weights.SerializeToString()
    assert b".py" not in content
    assert str(Path(__file__).resolve().parents[3]).encode() not in content


def test_a_network_says_itself_what_input_it_does_not_take() -> None:
    with pytest.raises(ContractError, match="sides divisible by 64 px"):
        trace_network(network("swin-unetr"), 4, 96)


def test_a_graph_without_normalisation_is_not_halved() -> None:
    model = onnx.ModelProto.FromString(traced("unet-3").SerializeToString())
    first = next(node for node in model.graph.node if node.op_type == "Conv")
    cast = model.graph.node[0]
    first.input[0] = cast.output[0]
    cast.input[0] = "INPUT"
    bare = onnx.ModelProto.FromString(model.SerializeToString())
    del bare.graph.node[0]
    bare.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT
    next(node for node in bare.graph.node if node.op_type == "Conv").input[0] = "INPUT"
    with pytest.raises(ArtifactError, match="does not begin with the normalisation"):
        compute_in_half(bare)


def test_a_graph_whose_types_contradict_each_other_is_refused_by_the_name_of_its_node() -> None:
    model = onnx.ModelProto.FromString(in_precision("unet-3", "fp16").SerializeToString())
    node = next(node for node in model.graph.node if node.op_type == "Conv")
    node.name = "the_odd_one"
    weight = next(weight for weight in model.graph.initializer if weight.name == node.input[1])
    weight.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(weight).astype(np.float32), weight.name))
    with pytest.raises(ArtifactError, match="the_odd_one"):
        checked(model)
