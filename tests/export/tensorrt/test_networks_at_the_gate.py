"""Every deployable network in FP16 at the CPU gate at the papers' sizes; small ones are in graph/test_graphs.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from wrinkle_export.graph.onnx_artifact import build_graph
from wrinkle_export.tensorrt.gate import check_onnx
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


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("recipe", "input_px"), FULL_SIZE)
def test_a_full_size_network_in_fp16_is_accepted(recipe: NetworkRecipe, input_px: int, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(build_graph(build_network(recipe), recipe.in_channels, input_px, "fp16").SerializeToString())
    report = check_onnx(path, timeout_s=1200)
    assert report.refusals == ()
    assert report.plan_bytes > 0
