from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner

from wrinkle_core.errors import ArtifactError, ContractError
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.texture import texture_map
from wrinkle_train.commands.train import app as train_app
from wrinkle_train.evaluation import choose_threshold, evaluate, validation_curve
from wrinkle_train.render.faces import Library
from wrinkle_train.scores.validation_set import RenderedPhoto, validation_photos
from wrinkle_train.served import ServedSegmenter, cut

SIDE_PX = 512


def _jpeg(rgb: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def _marks_a_bar(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    answer = np.zeros((1, SIDE_PX, SIDE_PX), np.uint8)
    answer[:, 160:175] = 200
    return answer


def _marks_what_is_darker(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.clip(4.0 * texture_map(pixels[0].transpose(1, 2, 0)), 0, 255).astype(np.uint8)[np.newaxis]


def test_a_system_marks_in_photograph_pixels_and_only_on_skin(
    astronaut_rgb: NDArray[np.uint8], face_landmarker: FaceLandmarker
) -> None:
    found = ServedSegmenter("unetpp", _marks_a_bar, face_landmarker).probability(_jpeg(astronaut_rgb))
    marked = cut(found, 0.5)
    assert marked.shape == astronaut_rgb.shape[:2]
    assert marked.any()
    assert not np.any(marked & (1 - found.skin))


def test_a_higher_threshold_marks_less(astronaut_rgb: NDArray[np.uint8], face_landmarker: FaceLandmarker) -> None:
    found = ServedSegmenter("unetpp", _marks_a_bar, face_landmarker).probability(_jpeg(astronaut_rgb))
    assert cut(found, 0.9).sum() == 0 < cut(found, 0.3).sum()


def test_a_system_that_says_the_truth_scores_one(
    astronaut_rgb: NDArray[np.uint8], face_landmarker: FaceLandmarker, tmp_path: Path
) -> None:
    system = ServedSegmenter("unetpp", _marks_a_bar, face_landmarker)
    photo = _jpeg(astronaut_rgb)
    (tmp_path / "001_00001.jpg").write_bytes(photo)
    (tmp_path / "001_base.jpg").write_bytes(photo)
    cv2.imwrite(str(tmp_path / "001_00001_gt.png"), cut(system.probability(photo), 0.5) * 255)
    scores = evaluate(system, tmp_path, 0.5)
    assert (scores.pairs, scores.f1, scores.iou, scores.tolerant_f1) == (1, 1.0, 1.0, 1.0)
    assert scores.false_positive_percent > 0
    assert scores.far_percent == scores.far_on_base_percent == 0.0


def test_marks_far_from_the_truth_are_told_apart_by_what_is_marked_on_the_base(
    astronaut_rgb: NDArray[np.uint8], face_landmarker: FaceLandmarker, tmp_path: Path
) -> None:
    def marks_below_a_grey_level(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.where(pixels[:, 0] < 60, np.uint8(200), np.uint8(0))

    system = ServedSegmenter("unetpp", marks_below_a_grey_level, face_landmarker)
    darker = cv2.rectangle(astronaut_rgb.copy(), (215, 140), (235, 150), (20, 20, 20), -1)
    (tmp_path / "001_00001.jpg").write_bytes(_jpeg(np.asarray(darker, np.uint8)))
    (tmp_path / "001_base.jpg").write_bytes(_jpeg(astronaut_rgb))
    cv2.imwrite(str(tmp_path / "001_00001_gt.png"), np.zeros(astronaut_rgb.shape[:2], np.uint8))
    scores = evaluate(system, tmp_path, 0.5)
    assert scores.far_percent == 100.0
    assert 0.0 < scores.far_on_base_percent < 100.0


def test_an_empty_evaluation_folder_is_refused(face_landmarker: FaceLandmarker, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"_gt\.png"):
        evaluate(ServedSegmenter("unetpp", _marks_a_bar, face_landmarker), tmp_path, 0.5)


def test_a_truth_without_its_pictures_is_named(face_landmarker: FaceLandmarker, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "001_00001_gt.png"), np.zeros((8, 8), np.uint8))
    with pytest.raises(ContractError, match=r"001_00001_gt\.png needs 001_00001\.jpg and 001_base\.jpg"):
        evaluate(ServedSegmenter("unetpp", _marks_a_bar, face_landmarker), tmp_path, 0.5)


def test_photographs_without_a_face_choose_no_threshold(face_landmarker: FaceLandmarker) -> None:
    wall = np.full((256, 256, 3), 120, np.uint8)
    photos = [RenderedPhoto("wall", _jpeg(wall), np.zeros((256, 256), np.uint8))]
    with pytest.raises(ContractError, match="shows a face"):
        validation_curve(ServedSegmenter("unetpp", _marks_a_bar, face_landmarker), photos)


def test_a_missing_onnx_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"none\.onnx"):
        ServedSegmenter.from_onnx("unetpp", tmp_path / "none.onnx")


def test_the_threshold_with_the_best_strict_f1_is_chosen() -> None:
    assert choose_threshold({0.3: (0.4, 0.9), 0.5: (0.6, 0.7), 0.7: (0.5, 0.8)}) == 0.5


def test_validation_renders_are_the_same_every_time_and_tell_thresholds_apart(
    library: Library, face_landmarker: FaceLandmarker
) -> None:
    first, second = validation_photos(library, 2), validation_photos(library, 2)
    assert [photo.jpeg for photo in first] == [photo.jpeg for photo in second]
    curve = validation_curve(ServedSegmenter("unetpp", _marks_what_is_darker, face_landmarker), first)
    assert len(set(curve.values())) > 2


def test_training_without_a_data_folder_names_what_is_missing(tmp_path: Path) -> None:
    result = CliRunner().invoke(train_app, ["tiny-unetpp", "--data", str(tmp_path), "--out", str(tmp_path / "run")])
    assert result.exit_code != 0
    assert isinstance(result.exception, ContractError)
