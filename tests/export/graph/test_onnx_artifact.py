"""ONNX artifacts: compared before they are published, made once, and refused with a reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
import yaml

from wrinkle_core.contract import SEGMENTERS, SegmenterContract
from wrinkle_core.errors import ArtifactError, InvalidParameterError
from wrinkle_export.artifacts.build_folder import BuildFolder
from wrinkle_export.artifacts.manifest import Ports
from wrinkle_export.graph import onnx_artifact
from wrinkle_export.graph.network_source import NetworkSource, network_source
from wrinkle_export.graph.onnx_artifact import export_onnx
from wrinkle_export.graph.onnx_session import onnx_session
from wrinkle_export.graph.trace import trace_network
from wrinkle_export.repository.choice import bundled_network
from wrinkle_train.networks.registry import build_network
from wrinkle_train.recipe import Recipe
from wrinkle_train.weights_file import load_weights, save_weights

CHECKPOINTS = Path(__file__).resolve().parents[3] / "checkpoints"
RECIPE = {
    "segmenter": "unetpp",
    "network": {"name": "unet", "width": 4},
    "data": {"source": "records", "input_px": 64, "mask_rule": "skin"},
    "train": {"steps": 1, "batch_size": 1, "crop_px": 64},
}


@pytest.fixture
def source(tmp_path: Path) -> NetworkSource:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(RECIPE), encoding="utf-8")
    return network_source(str(path), random_seed=3)


def test_each_precision_becomes_an_artifact_that_says_what_it_is(source: NetworkSource, tmp_path: Path) -> None:
    build = BuildFolder(tmp_path / "build")
    export_onnx(source, build)
    assert list(build.manifest().artifacts) == ["tiny/onnx-fp16", "tiny/onnx-fp16-storage", "tiny/onnx-fp32"]
    for artifact in build.manifest().artifacts.values():
        assert artifact.ports == Ports.of_network(3, 64)
        assert (artifact.source.random_seed, artifact.source.checkpoint_sha256) == (3, None)
        assert artifact.source.recipe["network"]["name"] == "unet"
        assert (artifact.opset, artifact.tools["torch"]) == (18, torch.__version__.split("+")[0])
        assert artifact.parity[0].passed
        onnx.checker.check_model(onnx.load(build.checked_files(artifact)[0]))


def test_a_second_export_with_nothing_changed_does_nothing(source: NetworkSource, tmp_path: Path) -> None:
    build, told = BuildFolder(tmp_path / "build"), list[tuple[str, bool]]()
    for _ in range(2):
        export_onnx(source, build, ["fp32"], on_artifact=lambda artifact, is_new: told.append((artifact.name, is_new)))
    assert told == [("tiny/onnx-fp32", True), ("tiny/onnx-fp32", False)]


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(b"damaged")], ids=["gone", "damaged"])
def test_a_harmed_artifact_is_exported_again(
    source: NetworkSource, tmp_path: Path, harm: Callable[[Path], object]
) -> None:
    build = BuildFolder(tmp_path / "build")
    (first,) = export_onnx(source, build, ["fp32"])
    harm(build.checked_files(first)[0])
    (second,) = export_onnx(source, build, ["fp32"])
    assert build.checked_files(second)


def test_other_weights_make_another_artifact(source: NetworkSource, tmp_path: Path) -> None:
    build = BuildFolder(tmp_path / "build")
    (first,) = export_onnx(source, build, ["fp32"])
    other = NetworkSource(source.name, source.recipe, None, 4)
    (second,) = export_onnx(other, build, ["fp32"])
    assert first.files[0].sha256 != second.files[0].sha256
    assert not (build.path / first.files[0].path).exists()


def test_a_graph_that_answers_otherwise_than_torch_is_not_published(
    source: NetworkSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoilt(*arguments: object) -> onnx.ModelProto:
        model = trace_network(*arguments)  # type: ignore[arg-type]
        bias = next(node for node in reversed(model.graph.node) if node.op_type == "Conv").input[2]
        weight = next(weight for weight in model.graph.initializer if weight.name == bias)
        spoilt_bias = onnx.numpy_helper.to_array(weight) + np.array([0, 1], np.float32)
        weight.CopyFrom(onnx.numpy_helper.from_array(spoilt_bias, bias))
        return model

    monkeypatch.setattr(onnx_artifact, "trace_network", spoilt)
    build = BuildFolder(tmp_path / "build")
    with pytest.raises(ArtifactError, match=r"tiny in fp32 differs from torch by .* Nothing was exported"):
        export_onnx(source, build, ["fp32"])
    assert build.manifest().artifacts == {}
    assert [path.name for path in build.path.iterdir() if path.name != ".lock"] == []


def test_a_checkpoint_is_named_after_the_segmenter_it_can_serve_as(tmp_path: Path) -> None:
    for spec in SEGMENTERS:
        source = network_source(str(CHECKPOINTS / spec.name / "model.safetensors"))
        assert (source.name, source.record().segmenter) == (spec.name, spec.name)
        assert source.ports == Ports.of_network(len(spec.channels), spec.input_px)


def test_a_checkpoint_that_fits_no_segmenter_takes_the_name_of_its_folder(tmp_path: Path) -> None:
    recipe = Recipe.model_validate(RECIPE)
    folder = tmp_path / "My Run"
    folder.mkdir()
    weights = save_weights(build_network(recipe.network), recipe, folder / "best.safetensors")
    source = network_source(str(weights))
    assert (source.name, source.record().segmenter) == ("my-run", None)


@pytest.mark.parametrize(
    ("what", "seed", "reason"),
    [
        ("model.onnx", None, "no .safetensors file"),
        ("model.safetensors", 0, "goes with a recipe"),
        ("table9-nothing", 0, "no recipe 'table9-nothing'"),
    ],
)
def test_what_names_no_network_is_refused(what: str, seed: int | None, reason: str) -> None:
    with pytest.raises(InvalidParameterError, match=reason):
        network_source(what, random_seed=seed)


def test_missing_weights_are_named() -> None:
    with pytest.raises(ArtifactError, match=r"nowhere\.safetensors is missing"):
        network_source("nowhere.safetensors")


@pytest.mark.parametrize("spec", SEGMENTERS, ids=lambda spec: spec.name)
def test_the_shipped_onnx_holds_the_shipped_weights(spec: SegmenterContract) -> None:
    network, recipe = load_weights(CHECKPOINTS / spec.name / "model.safetensors")
    assert recipe.segmenter == spec.name
    shape = (1, len(spec.channels), spec.input_px, spec.input_px)
    pixels = np.random.default_rng(5).integers(0, 256, shape, dtype=np.uint8)
    with torch.inference_mode():
        wanted = network.probability(torch.from_numpy(pixels)).numpy()
    _, found = onnx_session(onnx.load(bundled_network(spec.name)))(pixels)
    assert found is not None
    assert np.abs(found - wanted).max() <= 5e-3  # batch norms are folded before weights are rounded to FP16 again
