from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from wrinkle_core.errors import ArtifactError, InvalidParameterError
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.openvino_core import openvino_core
from wrinkle_export.artifacts.build_folder import BuildFolder
from wrinkle_export.graph.network_source import NetworkSource
from wrinkle_export.graph.onnx_artifact import export_onnx
from wrinkle_export.openvino_ir.int8 import Int8Options
from wrinkle_export.openvino_ir.ir import export_int8, export_ir
from wrinkle_export.openvino_ir.shallow_layers import shallow_layers
from wrinkle_export.parity.pictures import Pictures, packaged_photos, pictures_of, spec_of
from wrinkle_export.parity.runners import onnx_runner, openvino_runner, processor_has_bf16
from wrinkle_train.recipe import DataRecipe, NetworkRecipe, Recipe, TrainRecipe

SIDE_PX = 64


@pytest.fixture(scope="module")
def source() -> NetworkSource:
    recipe = Recipe(
        segmenter="unetpp",
        network=NetworkRecipe(name="unet", width=4),
        data=DataRecipe(source="records", input_px=SIDE_PX),
        train=TrainRecipe(steps=1, batch_size=1, crop_px=SIDE_PX),
    )
    return NetworkSource("tiny", recipe, None, 5)


@pytest.fixture(scope="module")
def build(source: NetworkSource, tmp_path_factory: pytest.TempPathFactory) -> BuildFolder:
    build = BuildFolder(tmp_path_factory.mktemp("ir") / "build")
    export_onnx(source, build, ["fp32"])
    return build


@pytest.fixture(scope="module")
def ir_path(build: BuildFolder) -> Path:
    artifact, _ = export_ir(build, "tiny")
    return build.checked_files(artifact)[0]


@pytest.fixture(scope="module")
def calibration(source: NetworkSource, face_landmarker: FaceLandmarker) -> Pictures:
    photos = [(name, encoded, None) for name, encoded in packaged_photos().items()]
    return pictures_of(photos * 4, spec_of(source.recipe), face_landmarker, 8)


def test_the_ir_keeps_the_ports_and_shows_the_probability_before_it_is_rounded(
    build: BuildFolder, ir_path: Path
) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (2, 3, SIDE_PX, SIDE_PX), dtype=np.uint8)
    onnx_path = build.checked_files(build.artifact("tiny/onnx-fp32"))[0]
    wanted, found = onnx_runner(onnx_path)(pixels), openvino_runner(ir_path, "f32")(pixels)
    assert found.is_exact
    assert found.levels.shape == (2, SIDE_PX, SIDE_PX)
    assert np.abs(found.probability - wanted.probability).max() <= 1e-4


def test_a_second_export_does_nothing(build: BuildFolder, ir_path: Path) -> None:
    before = ir_path.stat().st_mtime_ns
    artifact, is_new = export_ir(build, "tiny")
    assert not is_new
    assert build.checked_files(artifact)[0].stat().st_mtime_ns == before


def test_layers_before_the_picture_is_small_are_marked_in_the_ir_and_no_others(
    build: BuildFolder, ir_path: Path
) -> None:
    onnx_path = build.checked_files(build.artifact("tiny/onnx-fp32"))[0]
    shallow = shallow_layers(openvino_core().read_model(onnx_path), SIDE_PX)
    layers = ElementTree.parse(ir_path).getroot().findall("./layers/layer")
    mark = "./rt_info/attribute[@name='DisablePrecisionConversion']"
    marked = {layer.get("name") for layer in layers if layer.find(mark) is not None}
    convolutions = [layer.get("name") for layer in layers if layer.get("type") == "Convolution"]
    assert marked == shallow
    assert convolutions[0] in marked
    assert convolutions[-1] not in marked


def test_a_network_that_never_reduces_so_far_keeps_its_encoder(build: BuildFolder) -> None:
    onnx_path = build.checked_files(build.artifact("tiny/onnx-fp32"))[0]
    model = openvino_core().read_model(onnx_path)
    assert shallow_layers(model, SIDE_PX, 64) == shallow_layers(model, SIDE_PX, 16)
    assert shallow_layers(model, SIDE_PX, 2) < shallow_layers(model, SIDE_PX, 16)


@pytest.mark.skipif(not processor_has_bf16(), reason="this processor has no BF16")
def test_openvino_computes_shallow_layers_in_fp32_and_the_rest_in_bf16(ir_path: Path) -> None:
    compiled = openvino_core().compile_model(str(ir_path), "CPU", {"INFERENCE_PRECISION_HINT": "bf16"})
    precisions = [
        node.get_rt_info()["runtimePrecision"].astype(str)
        for node in compiled.get_runtime_model().get_ordered_ops()
        if node.get_rt_info()["layerType"].astype(str) == "Convolution"
    ]
    assert precisions[0] == "f32"
    assert "bf16" in precisions


def test_int8_quantises_deep_layers_and_leaves_shallow_ones_and_the_head_alone(
    build: BuildFolder, ir_path: Path, calibration: Pictures
) -> None:
    artifact, is_new = export_int8(build, "tiny", calibration, Int8Options())
    assert is_new
    path = build.checked_files(artifact)[0]
    kinds = [layer.get("type") for layer in ElementTree.parse(path).getroot().iterfind("./layers/layer")]
    assert "FakeQuantize" in kinds
    first, last = kinds.index("Convolution"), len(kinds) - 1 - kinds[::-1].index("Convolution")
    assert kinds.index("FakeQuantize") > first
    assert "FakeQuantize" not in kinds[last:]
    answer = openvino_runner(path, "f32")(calibration.used[0].network_input)
    wanted = openvino_runner(ir_path, "f32")(calibration.used[0].network_input)
    assert answer.is_exact
    assert 0 < np.abs(answer.probability - wanted.probability).max() < 0.5


def test_int8_is_made_again_only_for_other_pictures_or_options(build: BuildFolder, calibration: Pictures) -> None:
    export_int8(build, "tiny", calibration, Int8Options())
    assert not export_int8(build, "tiny", calibration, Int8Options())[1]
    other = replace(calibration, data_sha256="0" * 64)
    assert export_int8(build, "tiny", other, Int8Options())[1]


def test_too_few_calibration_pictures_are_refused(build: BuildFolder, calibration: Pictures) -> None:
    few = replace(calibration, used=calibration.used[:3], data_sha256="1" * 64)
    with pytest.raises(InvalidParameterError, match="at least 8"):
        export_int8(build, "tiny", few, Int8Options())


def test_a_network_without_onnx_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="Export it first"):
        export_ir(BuildFolder(tmp_path), "tiny")


def test_quantising_reports_nothing_to_anyone(ir_path: Path, tmp_path: Path) -> None:
    script = f"""
import json, sys, warnings
warnings.simplefilter("ignore")
events = []
watched = ("socket.connect", "socket.getaddrinfo")
sys.addaudithook(lambda event, _: events.append(event) if event in watched else None)
import numpy as np
from wrinkle_core.openvino_core import openvino_core
from wrinkle_export.openvino_ir.int8 import Int8Options, quantised
pixels = [np.full((1, 3, {SIDE_PX}, {SIDE_PX}), level, np.uint8) for level in range(8)]
quantised(openvino_core().read_model(sys.argv[1]), {SIDE_PX}, pixels, Int8Options())
from nncf.telemetry import telemetry
print(json.dumps([events, type(telemetry).__name__]))
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "NNCF", "CI"))}
    told = subprocess.run(
        [sys.executable, "-c", script, ir_path],
        env={**environment, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
    )
    events, telemetry = json.loads(told.stdout.splitlines()[-1])
    assert events == []
    assert telemetry != "NNCFTelemetry"
