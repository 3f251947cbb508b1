from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tensorrt_graphs import darkness_graph, mixed_types_graph, publish_graph
from wrinkle_client.exit_codes import exit_code_of
from wrinkle_core.errors import ArtifactError, InvalidParameterError
from wrinkle_export.artifacts.build_folder import BuildFolder
from wrinkle_export.tensorrt.command import check_tensorrt, tensorrt
from wrinkle_export.tensorrt.cuda_driver import NoGpuError

app = typer.Typer(rich_markup_mode=None)
app.command("tensorrt")(tensorrt)
app.command("check-tensorrt")(check_tensorrt)


@pytest.fixture
def build(tmp_path: Path) -> BuildFolder:
    folder = BuildFolder(tmp_path / "build")
    publish_graph(folder, darkness_graph())
    return folder


@pytest.fixture(autouse=True)
def _no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


def test_without_a_gpu_the_message_says_where_the_onnx_is_and_how_to_build(build: BuildFolder) -> None:
    result = CliRunner().invoke(app, ["tensorrt", str(build.path), "darkness", "--max-batch", "6"])
    error = result.exception
    assert isinstance(error, NoGpuError)
    assert int(exit_code_of(error)) == 3
    onnx_file = build.path / build.artifact("darkness/onnx-fp16").files[0].path
    assert f"The ONNX file is {onnx_file}." in str(error)
    assert f"wrinkle export tensorrt {build.path} darkness --precision fp16 --min-batch 1" in str(error)
    assert f"trtexec --onnx={onnx_file}" in str(error)
    assert "--maxShapes=INPUT:6x3x32x32" in str(error)


def test_bad_input_is_told_before_the_gpu_is_looked_for(build: BuildFolder) -> None:
    for arguments, kind in (
        ([str(build.path), "nobody"], ArtifactError),
        ([str(build.path), "darkness", "--precision", "int8"], InvalidParameterError),
        ([str(build.path), "darkness", "--max-batch", "900"], InvalidParameterError),
    ):
        assert type(CliRunner().invoke(app, ["tensorrt", *arguments]).exception) is kind


def test_the_gate_takes_the_graphs_of_a_build_folder(build: BuildFolder, tmp_path: Path) -> None:
    publish_graph(build, mixed_types_graph(), "mixed")
    publish_graph(build, darkness_graph(), precision="fp16-storage")
    out = tmp_path / "gate" / "report.json"
    result = CliRunner().invoke(app, ["check-tensorrt", str(build.path), "--out", str(out)])
    assert result.exit_code == 1
    assert "1 accepted, 1 refused" in result.output
    reports = {report["graph"]: report for report in json.loads(out.read_text(encoding="utf-8"))}
    assert set(reports) == {"darkness/onnx-fp16", "mixed/onnx-fp16"}
    assert reports["darkness/onnx-fp16"]["refusals"] == []
    assert reports["mixed/onnx-fp16"]["refusals"][0]["node"] == "mixed_sum"


def test_the_gate_takes_an_onnx_file(tmp_path: Path) -> None:
    path = tmp_path / "darkness.onnx"
    path.write_bytes(darkness_graph().SerializeToString())
    result = CliRunner().invoke(app, ["check-tensorrt", str(path)])
    assert result.exit_code == 0
    assert "darkness.onnx: accepted by tensorrt_rtx" in result.output


def test_a_folder_without_graphs_is_an_error(tmp_path: Path) -> None:
    error = CliRunner().invoke(app, ["check-tensorrt", str(tmp_path)]).exception
    assert isinstance(error, ArtifactError)
    assert "run `wrinkle export onnx` first" in str(error)
