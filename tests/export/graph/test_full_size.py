"""Every deployable network at the papers' size with random weights: exported, and compared with torch on the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from wrinkle_export.artifacts.build_folder import BuildFolder
from wrinkle_export.graph.network_source import network_source
from wrinkle_export.graph.onnx_artifact import export_onnx

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

RECIPES = {
    "table1-ours": 48_457_617,
    "table3-100-unet-none": 17_263_042,
    "table3-100-unet-texture": 17_263_618,
    "table3-100-unet-resnet50": 32_521_250,
    "table3-100-swin-none": 25_239_980,
    "table3-100-swin-texture": 25_241_228,
    "table3-100-swin-imagenet": 100_557_218,
    "table3-100-striped-wrinet": 6_222_530,
    "table3-100-semi-automatic-wds": 17_263_618,
}


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_full_size_network_answers_noise_as_torch_does(recipe: str, tmp_path: Path) -> None:
    build = BuildFolder(tmp_path / "build")
    whole, half = export_onnx(network_source(recipe, random_seed=0), build, ["fp32", "fp16"])
    assert whole.parity[0].figures["max_difference"] <= 1e-4
    assert half.parity[0].passed
    assert whole.files[0].size_bytes >= 3.9 * RECIPES[recipe]
    assert half.files[0].size_bytes < 0.6 * whole.files[0].size_bytes
