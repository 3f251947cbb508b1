from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
import typer
from numpy.typing import NDArray
from typer.testing import CliRunner

from wrinkle_core.alignment import ffhq_alignment, warp_to_aligned
from wrinkle_core.contract import MaskRule
from wrinkle_core.errors import ArtifactError, ContractError, InvalidParameterError
from wrinkle_core.face_mask import face_mask
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.texture import texture_map
from wrinkle_train.commands.weak_labels import weak_labels
from wrinkle_train.weak_labels.labeller import WeakLabelOptions
from wrinkle_train.weak_labels.run import WeakLabelReport, make_weak_labels

COPIES = 10
RUN = """
import sys
from pathlib import Path
from wrinkle_train.weak_labels.run import make_weak_labels
from wrinkle_train.weak_labels.labeller import WeakLabelOptions
make_weak_labels(Path(sys.argv[1]), Path(sys.argv[2]), WeakLabelOptions(), workers=2)
"""


@pytest.fixture(scope="module")
def face_rgb(astronaut_rgb: NDArray[np.uint8], astronaut_landmarks_xy: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The astronaut in the FFHQ frame."""
    return warp_to_aligned(astronaut_rgb, ffhq_alignment(astronaut_landmarks_xy, 1024), 1024)


def _save(path: Path, rgb: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), rgb[..., ::-1])


@pytest.fixture
def one_face(tmp_path: Path, face_rgb: NDArray[np.uint8]) -> Path:
    """A folder of a thousand with one face in it."""
    _save(tmp_path / "images" / "00000" / "00004.png", face_rgb)
    return tmp_path / "images"


@pytest.fixture(scope="module")
def many_faces(tmp_path_factory: pytest.TempPathFactory, face_rgb: NDArray[np.uint8]) -> Path:
    """Faces in several lights."""
    folder = tmp_path_factory.mktemp("many")
    for number in range(COPIES):
        _save(folder / f"{number:05d}.png", (face_rgb * (1 - 0.03 * number)).astype(np.uint8))
    return folder


Make = Callable[..., WeakLabelReport]


@pytest.fixture
def make(face_landmarker: FaceLandmarker) -> Make:
    """``make_weak_labels`` in this process, with the session's networks."""
    return partial(make_weak_labels, landmarker=face_landmarker)


def _hashes(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _read(path: Path) -> NDArray[np.uint8]:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), np.uint8)


def test_a_label_is_the_masked_texture_map_of_the_unmasked_face(
    make: Make, one_face: Path, tmp_path: Path, face_rgb: NDArray[np.uint8], face_landmarker: FaceLandmarker
) -> None:
    make(one_face, tmp_path / "out", WeakLabelOptions())
    landmarks_xy = np.ascontiguousarray(face_landmarker.find(face_rgb).landmarks_xyz[:, :2])
    expected = texture_map(face_rgb) * face_mask(landmarks_xy, 1024, 1024, MaskRule.FACE)
    np.testing.assert_array_equal(_read(tmp_path / "out" / "00000" / "00004.png"), expected)


def test_dark_floor_is_another_label_and_asks_for_another_folder(make: Make, one_face: Path, tmp_path: Path) -> None:
    make(one_face, tmp_path / "literal", WeakLabelOptions())
    make(one_face, tmp_path / "dark", WeakLabelOptions("dark_floor"))
    name = "00000/00004.png"
    assert not np.array_equal(_read(tmp_path / "literal" / name), _read(tmp_path / "dark" / name))
    with pytest.raises(ArtifactError, match="mode"):
        make(one_face, tmp_path / "literal", WeakLabelOptions("dark_floor"))


def test_a_photograph_is_aligned_when_asked(make: Make, tmp_path: Path, astronaut_rgb: NDArray[np.uint8]) -> None:
    _save(tmp_path / "photos" / "astronaut.png", astronaut_rgb)
    report = make(tmp_path / "photos", tmp_path / "out", WeakLabelOptions(align=True))
    label = _read(tmp_path / "out" / "astronaut.png")
    assert report.made == 1
    assert label.shape == (1024, 1024)
    assert 0.05 < float((label > 0).mean()) < 0.6


def test_a_parser_decides_the_mask(make: Make, one_face: Path, tmp_path: Path, face_rgb: NDArray[np.uint8]) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    bias = np.zeros(19, np.float32)
    bias[10] = 1.0  # everything is nose
    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "weight", "bias"], ["scores"])],
        "parser",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 512, 512])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 19, 512, 512])],
        [
            numpy_helper.from_array(np.zeros((19, 3, 1, 1), np.float32), "weight"),
            numpy_helper.from_array(bias, "bias"),
        ],
    )
    parser = tmp_path / "parser.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(parser))
    make(one_face, tmp_path / "out", WeakLabelOptions(parser=parser))
    np.testing.assert_array_equal(_read(tmp_path / "out" / "00000" / "00004.png"), texture_map(face_rgb))


def test_labels_are_the_same_bytes_from_one_process_and_from_two(make: Make, many_faces: Path, tmp_path: Path) -> None:
    first = make(many_faces, tmp_path / "one", WeakLabelOptions())
    second = make(many_faces, tmp_path / "two", WeakLabelOptions(), workers=2)
    assert first.made == second.made == COPIES
    assert _hashes(tmp_path / "one") == _hashes(tmp_path / "two")


def test_a_finished_folder_is_kept_and_a_damaged_label_made_again(make: Make, one_face: Path, tmp_path: Path) -> None:
    out, label = tmp_path / "out", tmp_path / "out" / "00000" / "00004.png"
    make(one_face, out, WeakLabelOptions())
    whole, written = _hashes(out), label.stat().st_mtime_ns
    assert make(one_face, out, WeakLabelOptions()).kept == 1
    assert label.stat().st_mtime_ns == written
    label.write_bytes(b"damaged")
    assert make(one_face, out, WeakLabelOptions()).made == 1
    assert _hashes(out) == whole


def test_a_changed_picture_gets_a_new_label(
    make: Make, one_face: Path, tmp_path: Path, face_rgb: NDArray[np.uint8]
) -> None:
    make(one_face, tmp_path / "out", WeakLabelOptions())
    before = _hashes(tmp_path / "out")
    _save(one_face / "00000" / "00004.png", face_rgb[:, ::-1])
    assert make(one_face, tmp_path / "out", WeakLabelOptions()).made == 1
    assert before != _hashes(tmp_path / "out")


def test_a_killed_run_leaves_no_process_and_ends_as_one_that_was_not(
    make: Make, many_faces: Path, tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    run = subprocess.Popen([sys.executable, "-c", RUN, str(many_faces), str(out)], stderr=subprocess.DEVNULL)
    deadline_s = time.monotonic() + 200
    while len(list(out.glob("*.png"))) < 2 and run.poll() is None and time.monotonic() < deadline_s:
        time.sleep(0.01)
    children = psutil.Process(run.pid).children(recursive=True)
    run.send_signal(signal.SIGKILL)
    assert run.wait(timeout=10) == -signal.SIGKILL
    assert children
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive
    done = len(list(out.glob("*.png")))
    assert 2 <= done < COPIES
    assert not (out / "manifest.json").exists()
    report = make(many_faces, out, WeakLabelOptions())
    assert report.kept >= done - 2  # a label whose note was lost is made again
    make(many_faces, tmp_path / "whole", WeakLabelOptions())
    assert _hashes(out) == _hashes(tmp_path / "whole")


def test_pictures_without_a_label_are_noted_and_the_others_go_on(make: Make, one_face: Path, tmp_path: Path) -> None:
    _save(one_face / "00000" / "00005.png", np.full((1024, 1024, 3), 120, np.uint8))
    _save(one_face / "00000" / "00006.png", np.full((64, 64, 3), 120, np.uint8))
    (one_face / "00000" / "00007.png").write_bytes(b"no picture")
    report = make(one_face, tmp_path / "out", WeakLabelOptions())
    assert report.made == 1
    files = {file["name"]: file for file in json.loads(report.manifest.read_text("utf-8"))["files"]}
    codes = [files[f"00000/0000{number}.png"]["error"].partition(":")[0] for number in range(4, 8)]
    assert codes == ["", "NO_FACE", "CONTRACT_MISMATCH", "INVALID_IMAGE"]


def test_the_manifest_names_settings_hashes_and_no_path(make: Make, one_face: Path, tmp_path: Path) -> None:
    report = make(one_face, tmp_path / "out", WeakLabelOptions())
    text = report.manifest.read_text("utf-8")
    manifest = json.loads(text)
    assert manifest["settings"]["mode"] == "literal"
    assert set(manifest["settings"]["tools"]) == {"numpy", "opencv-python-headless", "openvino"}
    (file,) = manifest["files"]
    source = one_face / file["source"]
    assert file["source_sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert str(tmp_path) not in text


def test_an_empty_folder_is_named(make: Make, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(ContractError, match="none holds no"):
        make(tmp_path / "none", tmp_path / "out", WeakLabelOptions())


def test_labels_never_lie_among_their_pictures(make: Make, one_face: Path) -> None:
    with pytest.raises(InvalidParameterError, match="elsewhere"):
        make(one_face, one_face / "labels", WeakLabelOptions())


def test_the_command_makes_labels_and_fails_when_there_are_none(one_face: Path, tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(weak_labels)
    _save(one_face / "00000" / "00006.png", np.full((64, 64, 3), 120, np.uint8))
    done = CliRunner().invoke(app, [str(one_face), "--out", str(tmp_path / "out"), "--workers", "1"])
    assert done.exit_code == 0
    assert "1 labels made, 0 kept, 1 pictures without one" in done.output
    (one_face / "00000" / "00004.png").unlink()
    failed = CliRunner().invoke(app, [str(one_face), "--out", str(tmp_path / "new"), "--workers", "1"])
    assert failed.exit_code == 1
    assert "00000/00006.png: CONTRACT_MISMATCH" in failed.output
