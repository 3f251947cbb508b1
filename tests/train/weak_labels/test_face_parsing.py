from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from wrinkle_core.errors import ArtifactError
from wrinkle_train.data.parsed_face import parsed_face_mask
from wrinkle_train.weak_labels.face_parsing import FaceParser

RED = (124, 116, 104)  # about the ImageNet mean: every channel normalises to 0


def save_parser(path: Path, classes: int = 19, side: int | None = 512) -> Path:
    """Write a parser that calls bright pixels skin, dark ones hair, and average ones nose."""
    weight = np.zeros((classes, 3, 1, 1), np.float32)
    weight[1], weight[17 % classes] = 1.0, -1.0
    bias = np.full(classes, -1.0, np.float32)
    bias[10 % classes] = 0.5
    size = [1, 3, side or "h", side or "w"]
    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "weight", "bias"], ["scores"])],
        "parser",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, size)],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, classes, *size[2:]])],
        [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(bias, "bias")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(path))
    return path


@pytest.mark.parametrize("side", [512, None], ids=["fixed size", "free size"])
def test_classes_follow_the_networks_largest_score(tmp_path: Path, side: int | None) -> None:
    parser = FaceParser(save_parser(tmp_path / "parser.onnx", side=side))
    face = np.zeros((1024, 1024, 3), np.uint8)
    face[:512], face[512:768] = 255, RED
    classes = parser.classes(face)
    assert classes.shape == (512, 512)
    assert [int(classes[row, 100]) for row in (100, 300, 450)] == [1, 10, 17]


def test_the_mask_keeps_skin_and_nose_at_the_faces_size(tmp_path: Path) -> None:
    parser = FaceParser(save_parser(tmp_path / "parser.onnx"))
    face = np.zeros((1024, 1024, 3), np.uint8)
    face[:512], face[512:768] = 255, RED
    mask = parser.face_mask(face)
    assert mask.shape == (1024, 1024)
    assert mask[:760].all()
    assert not mask[776:].any()


def test_enlarging_a_class_map_repeats_its_pixels() -> None:
    classes = np.random.default_rng(1).integers(0, 19, (8, 8)).astype(np.uint8)
    kept = ((classes == 1) | (classes == 10)).astype(np.uint8)
    np.testing.assert_array_equal(parsed_face_mask(classes, 16), np.kron(kept, np.ones((2, 2), np.uint8)))


def test_a_network_of_other_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"other\.onnx gives \(1, 11, 512, 512\)"):
        FaceParser(save_parser(tmp_path / "other.onnx", classes=11))


def test_a_network_exported_at_another_size_runs_at_512(tmp_path: Path) -> None:
    parser = FaceParser(save_parser(tmp_path / "small.onnx", side=256))
    assert parser.classes(np.zeros((64, 64, 3), np.uint8)).shape == (512, 512)


def test_a_file_that_is_no_network_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("not a network", "utf-8")
    with pytest.raises(ArtifactError, match=r"text\.onnx cannot be run"):
        FaceParser(tmp_path / "text.onnx")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"no file parser\.onnx"):
        FaceParser(tmp_path / "parser.onnx")
