from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import openvino as ov
import pytest
import torch
from numpy.typing import NDArray

from wrinkle_core.contract import SEGMENTERS, MaskRule, SegmenterContract
from wrinkle_export.onnx_export import export_onnx, to_onnx
from wrinkle_train.networks.deployable import Deployable
from wrinkle_train.networks.registry import build_network
from wrinkle_train.recipe import NetworkRecipe
from wrinkle_train.weights_file import load_weights

CHECKPOINTS = Path(__file__).resolve().parents[2] / "checkpoints"
SMALL_RGB = SegmenterContract("small", 101, 64, ("R", "G", "B"), MaskRule.SKIN, default_threshold=0.5)
SMALL_TEXTURE = SegmenterContract("small4", 102, 64, ("R", "G", "B", "texture"), MaskRule.FACE, default_threshold=0.5)
SYSTEMS = [
    pytest.param(NetworkRecipe(name="unetpp", imagenet=True), SMALL_RGB, id="unetpp"),
    pytest.param(NetworkRecipe(name="unet", in_channels=4, width=8), SMALL_TEXTURE, id="unet"),
]


def _pixels(spec: SegmenterContract, batch: int) -> NDArray[np.uint8]:
    shape = (batch, len(spec.channels), spec.input_px, spec.input_px)
    return np.random.default_rng(5).integers(0, 256, shape, dtype=np.uint8)


def _exact(network: Deployable, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    with torch.inference_mode():
        return np.asarray(network.eval().probability(torch.from_numpy(pixels)).numpy())


def _before_quantisation(model: onnx.ModelProto, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Run the graph up to its sigmoid, in FP32."""
    sigmoid = [node for node in model.graph.node if node.op_type == "Sigmoid"][-1].output[0]
    graph = ov.Core().read_model(model.SerializeToString())
    graph.add_outputs(sigmoid)
    compiled = ov.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.asarray(compiled(pixels)[compiled.outputs[-1]])


@pytest.mark.parametrize(("recipe", "spec"), SYSTEMS)
def test_the_exported_graph_computes_what_torch_computes(recipe: NetworkRecipe, spec: SegmenterContract) -> None:
    torch.manual_seed(0)
    network, pixels = build_network(recipe), _pixels(spec, 2)
    found = _before_quantisation(to_onnx(network, spec), pixels)
    assert np.abs(found - _exact(network, pixels)).max() <= 1e-3


def test_the_written_file_takes_any_batch_and_answers_in_uint8(tmp_path: Path) -> None:
    network = build_network(NetworkRecipe(name="unet", in_channels=4, width=4))
    path = export_onnx(network, SMALL_TEXTURE, tmp_path / "model.onnx")
    compiled = ov.Core().compile_model(str(path), "CPU")
    for batch in (1, 3):
        answer = compiled(_pixels(SMALL_TEXTURE, batch))[compiled.outputs[0]]
        assert answer.dtype == np.uint8
        assert answer.shape == (batch, 64, 64)


def test_the_file_tells_nothing_of_the_machine_it_was_made_on(tmp_path: Path) -> None:
    network = build_network(NetworkRecipe(name="unet", in_channels=4, width=4))
    content = export_onnx(network, SMALL_TEXTURE, tmp_path / "model.onnx").read_bytes()
    assert b".py" not in content
    assert str(CHECKPOINTS.parent).encode() not in content


def test_weights_are_stored_in_half_precision(tmp_path: Path) -> None:
    network = build_network(NetworkRecipe(name="unet", in_channels=4, width=8))
    path = export_onnx(network, SMALL_TEXTURE, tmp_path / "model.onnx")
    parameters = sum(p.numel() for p in network.parameters())
    assert path.stat().st_size < 2.6 * parameters


@pytest.mark.parametrize("spec", SEGMENTERS, ids=lambda spec: spec.name)
def test_the_shipped_onnx_agrees_with_the_shipped_weights(spec: SegmenterContract) -> None:
    folder = CHECKPOINTS / spec.name
    network, recipe = load_weights(folder / "model.safetensors")
    assert recipe.segmenter == spec.name
    pixels = _pixels(spec, 1)
    found = _before_quantisation(onnx.load(folder / "model.onnx"), pixels)
    assert np.abs(found - _exact(network, pixels)).max() <= 1e-2
