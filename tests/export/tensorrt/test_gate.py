from __future__ import annotations

import sys
from pathlib import Path

import onnx
import pytest

from tensorrt_graphs import darkness_graph, float_output_graph, mixed_types_graph, unsupported_graph
from wrinkle_core.errors import ArtifactError, MissingExtraError
from wrinkle_export.tensorrt.gate import check_onnx
from wrinkle_export.tensorrt.gate_report import GateReport


def _checked(model: onnx.ModelProto, folder: Path) -> GateReport:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return check_onnx(path)


def test_a_sound_graph_is_parsed_and_built(tmp_path: Path) -> None:
    report = _checked(darkness_graph(), tmp_path)
    assert report.refusals == ()
    assert report.plan_bytes > 0
    assert report.operators == {"Cast": 2, "ReduceMean": 1, "Sub": 1, "Relu": 1, "Round": 1}


def test_every_operator_that_tensorrt_does_not_have_is_named(tmp_path: Path) -> None:
    refusals = _checked(unsupported_graph(), tmp_path).refusals
    assert {(one.node, one.op_type) for one in refusals} == {("turned", "BitShift"), ("determinant", "Det")}
    assert all("TensorRT does not support" in one.reason for one in refusals)


def test_the_node_that_mixes_types_is_named_with_both_types(tmp_path: Path) -> None:
    refusals = _checked(mixed_types_graph(), tmp_path).refusals
    assert {one.node for one in refusals} == {"mixed_sum"}
    assert any("Half and Float" in one.reason for one in refusals)


def test_the_node_that_makes_an_output_of_the_wrong_type_is_named(tmp_path: Path) -> None:
    (refusal,) = _checked(float_output_graph(), tmp_path).refusals
    assert (refusal.stage, refusal.node) == ("contract", "to_float")
    assert "PROBABILITY is FLOAT [-1, 32, 32], the contract wants UINT8 [-1, 32, 32]" in refusal.reason


def test_an_output_that_is_not_what_the_file_states_is_refused(tmp_path: Path) -> None:
    model = float_output_graph()
    model.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8
    refusals = _checked(model, tmp_path).refusals
    assert "to_float" in {one.node for one in refusals}


def test_an_output_of_another_name_is_refused(tmp_path: Path) -> None:
    model = darkness_graph()
    model.graph.node[-1].output[0] = model.graph.output[0].name = "MASK"
    reasons = [one.reason for one in _checked(model, tmp_path).refusals]
    assert reasons == ["the graph has no output PROBABILITY", "the contract has no output MASK"]


def test_rubbish_is_no_onnx_file(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"no graph at all " * 20)
    with pytest.raises(ArtifactError, match=r"model\.onnx is not an ONNX file"):
        check_onnx(path)


def test_an_empty_file_holds_no_graph(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.touch()
    with pytest.raises(ArtifactError, match=r"model\.onnx holds no graph"):
        check_onnx(path)


def test_a_build_that_takes_too_long_is_a_refusal(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(darkness_graph().SerializeToString())
    (refusal,) = check_onnx(path, timeout_s=0.01).refusals
    assert refusal.reason == "TensorRT-RTX took longer than 0.01 s"


def test_a_child_that_dies_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "no number")  # Python ends before it runs anything
    (refusal,) = _checked(darkness_graph(), tmp_path).refusals
    assert refusal.reason.startswith("TensorRT-RTX ended with code 1")


def test_a_missing_gate_gets_the_pip_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'wrinkle-serving\[rtx\]'"):
        _checked(darkness_graph(), tmp_path)
