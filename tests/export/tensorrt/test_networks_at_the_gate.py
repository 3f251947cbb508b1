"""Every deployable network in FP16 at the CPU gate, small for CI and at the papers' sizes when asked for."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from small_networks import SMALL_NETWORKS, traced
from wrinkle_export.graph.half import compute_in_half
from wrinkle_export.graph.onnx_artifact import build_graph
from wrinkle_export.tensorrt.gate import check_onnx
from wrinkle_export.tensorrt.gate_report import GateReport
from wrinkle_train.networks.registry import build_network
from wrinkle_train.recipe import NetworkRecipe

FULL_SIZE = [
    pytest.param(NetworkRecipe(name="unetpp", imagenet=False), 512, id="unetpp"),
    pytest.param(NetworkRecipe(name="unetpp", encoder="resnext50_32x4d"), 512, id="unetpp-resnext50"),
    pytest.param(NetworkRecipe(name="unet"), 1024, id="unet-3"),
    pytest.param(NetworkRecipe(name="unet", in_channels=4), 1024, id="unet-4"),
    pytest.param(NetworkRecipe(name="swin_unetr", in_channels=4), 1024, id="swin-unetr"),
    pytest.param(NetworkRecipe(name="encoder_unet", encoder="resnet50"), 1024, id="unet-resnet50"),
    pytest.param(NetworkRecipe(name="striped_wrinet", width=24), 1024, id="striped-wrinet"),
    pytest.param(NetworkRecipe(name="wds_unet"), 1024, id="wds-unet"),
]


def _at_the_gate(model: onnx.ModelProto, folder: Path, timeout_s: float) -> GateReport:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return check_onnx(path, timeout_s=timeout_s)


@pytest.mark.parametrize("name", SMALL_NETWORKS)
def test_a_deployable_network_in_fp16_is_accepted(name: str, tmp_path: Path) -> None:
    report = _at_the_gate(compute_in_half(traced(name)), tmp_path, timeout_s=200)
    assert report.refusals == ()
    assert report.plan_bytes > 0


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("recipe", "input_px"), FULL_SIZE)
def test_a_full_size_network_in_fp16_is_accepted(recipe: NetworkRecipe, input_px: int, tmp_path: Path) -> None:
    model = build_graph(build_network(recipe), recipe.in_channels, input_px, "fp16")
    report = _at_the_gate(model, tmp_path, timeout_s=1200)
    assert report.refusals == ()
    assert report.plan_bytes > 0
