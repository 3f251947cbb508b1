"""The weights that ship: two photographs always, the evaluation set when asked for."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from wrinkle_core.contract import SegmenterContract
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_export.artifacts.build_folder import BuildFolder
from wrinkle_export.bundle import bundled
from wrinkle_export.graph.network_source import NetworkSource, network_source
from wrinkle_export.graph.onnx_artifact import ONNX_PRECISIONS, export_onnx
from wrinkle_export.openvino_ir.int8 import Int8Options
from wrinkle_export.openvino_ir.ir import export_int8, export_ir
from wrinkle_export.parity.compare import in_photograph
from wrinkle_export.parity.difference_report import mask_difference
from wrinkle_export.parity.gate import verify
from wrinkle_export.parity.pictures import Pictures, pictures_of, read_pictures, spec_of
from wrinkle_export.parity.runners import torch_runner


def test_the_shipped_file_keeps_every_limit_on_two_photographs(
    unetpp_build: BuildFolder, unetpp_source: NetworkSource, unetpp_pictures: Pictures, tmp_path: Path
) -> None:
    verdict = verify(unetpp_build, unetpp_source, unetpp_pictures, tmp_path / "report")
    assert {one.runtime: one.broken for one in verdict.comparisons if one.broken} == {}
    (shipped,) = verdict.comparisons
    assert shipped.runtime == "onnx-fp16-storage"
    assert shipped.figures["mask_iou_worst"] > 0.98


def test_the_difference_picture_tells_who_marked_what(unetpp_source: NetworkSource, unetpp_pictures: Pictures) -> None:
    picture = unetpp_pictures.used[0]
    levels = torch_runner(unetpp_source.network())(picture.network_input).levels
    shifted = np.roll(levels, 3, axis=1)
    image = mask_difference(picture, in_photograph(picture, levels), in_photograph(picture, shifted))
    colours = {tuple(int(value) for value in colour) for colour in image.reshape(-1, 3)}
    assert {(230, 159, 0), (86, 180, 233)} <= colours


@pytest.mark.slow
@pytest.mark.shared_data
@pytest.mark.timeout(5400)
@pytest.mark.parametrize("name", ["unetpp", "unet_texture"])
def test_every_form_keeps_every_limit_on_the_evaluation_set(
    name: str, shared_data: Path, face_landmarker: FaceLandmarker, tmp_path: Path
) -> None:
    source = network_source(str(bundled("checkpoints") / name / "model.safetensors"))
    build = BuildFolder(tmp_path / "build")
    export_onnx(source, build, ONNX_PRECISIONS)
    export_ir(build, name)
    spec = spec_of(source.recipe)
    export_int8(build, name, _training_faces(shared_data, spec, face_landmarker), Int8Options())
    pictures = read_pictures(shared_data / "eval", None, spec, face_landmarker, 40)
    assert len(pictures.used) == 40
    verdict = verify(build, source, pictures, tmp_path / "report")
    assert {one.runtime: one.broken for one in verdict.comparisons if one.broken} == {}
    for one in verdict.comparisons:
        assert one.figures["f1_drop"] <= one.limits["f1_drop"]


def _training_faces(shared_data: Path, spec: SegmenterContract, landmarker: FaceLandmarker) -> Pictures:
    """Return faces that no evaluation picture was made from."""
    with (shared_data / "faces.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "train" and row["mesh"] == "good"]
    files = [shared_data / row["file"] for row in rows]
    return pictures_of(((path.stem, path.read_bytes(), None) for path in files), spec, landmarker, 24)
