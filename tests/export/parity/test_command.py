from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import typer
from onnx import numpy_helper
from typer.testing import CliRunner

from wrinkle_core.errors import ArtifactError, InvalidParameterError
from wrinkle_export.artifacts.build_folder import BuildFolder
from wrinkle_export.parity.command import verify

app = typer.Typer()
app.command()(verify)


def _run(build: BuildFolder, *arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(build.path), *map(str, arguments)], env={"COLUMNS": "160"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def _double_one_filter(model: onnx.ModelProto) -> onnx.ModelProto:
    weight = next(one for one in model.graph.initializer if len(one.dims) == 4)
    values = numpy_helper.to_array(weight).copy()
    values[0] *= 2
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    return model


def test_a_good_build_exits_with_0_and_writes_a_report(
    tiny_build: BuildFolder, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    code, output = _run(
        tiny_build, "tiny", "--checkpoint", tiny_checkpoint, "--only", "onnx-fp32", "--report", tmp_path / "report"
    )
    assert code == 0, output
    assert "onnx-fp32: passed" in output
    (network,) = json.loads((tmp_path / "report" / "report.json").read_text())
    assert network["passed"]
    assert network["pictures"] == 2
    assert network["comparisons"][0]["figures"]["max_difference"] <= 1e-4


def test_a_wrong_build_exits_with_1_and_says_where_to_look(
    tiny_build: BuildFolder,
    publish_wrong_onnx: Callable[[Callable[[onnx.ModelProto], onnx.ModelProto]], None],
    tiny_checkpoint: Path,
) -> None:
    publish_wrong_onnx(_double_one_filter)
    code, output = _run(tiny_build, "--checkpoint", tiny_checkpoint, "--only", "onnx-fp32")
    assert code == 1
    assert "FAILED" in output
    assert "reproduce.py" in output
    assert "pictures of faces" in output
    assert (tiny_build.path.with_name("build-parity") / "report.json").is_file()


def test_without_the_checkpoint_it_is_asked_for(tiny_build: BuildFolder) -> None:
    with pytest.raises(ArtifactError, match="--checkpoint"):
        _run(tiny_build)


def test_an_unknown_runtime_is_refused(tiny_build: BuildFolder) -> None:
    with pytest.raises(InvalidParameterError, match="onnx-fp32"):
        _run(tiny_build, "--only", "onnx-fp31")


def test_an_empty_build_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="wrinkle export onnx"):
        _run(BuildFolder(tmp_path))
