from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from wrinkle_core.contract import segmenter
from wrinkle_core.errors import InvalidParameterError
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_export.parity.pictures import read_pictures

SPEC = segmenter("unetpp")


def _photo(folder: Path, name: str, rgb: NDArray[np.uint8]) -> None:
    cv2.imwrite(str(folder / f"{name}.png"), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))


def _label(folder: Path, name: str, shape: tuple[int, int]) -> None:
    truth = np.zeros(shape, np.uint8)
    truth[10:20, 10:20] = 255
    cv2.imwrite(str(folder / f"{name}_gt.png"), truth)


def test_photographs_without_a_face_are_left_out_and_named(
    astronaut_rgb: NDArray[np.uint8], face_landmarker: FaceLandmarker, tmp_path: Path
) -> None:
    _photo(tmp_path, "a-wall", np.full_like(astronaut_rgb, 127))
    _photo(tmp_path, "astronaut", astronaut_rgb)
    found = read_pictures(tmp_path, None, SPEC, face_landmarker, 5)
    assert [picture.name for picture in found.used] == ["astronaut"]
    assert found.without_face == ("a-wall",)
    assert found.used[0].truth is None


def test_a_folder_without_any_face_is_refused(
    astronaut_rgb: NDArray[np.uint8], face_landmarker: FaceLandmarker, tmp_path: Path
) -> None:
    _photo(tmp_path, "wall", np.full_like(astronaut_rgb, 127))
    with pytest.raises(InvalidParameterError, match="No face"):
        read_pictures(tmp_path, None, SPEC, face_landmarker, 5)


def test_where_there_are_labels_only_labelled_photographs_are_used(
    astronaut_rgb: NDArray[np.uint8], face_landmarker: FaceLandmarker, tmp_path: Path
) -> None:
    _photo(tmp_path, "with", astronaut_rgb)
    _photo(tmp_path, "without", astronaut_rgb)
    _label(tmp_path, "with", (512, 512))
    found = read_pictures(tmp_path, None, SPEC, face_landmarker, 5)
    assert [picture.name for picture in found.used] == ["with"]
    truth = found.used[0].truth
    assert truth is not None
    assert int(truth.sum()) == 100


def test_a_label_of_another_size_is_refused(
    astronaut_rgb: NDArray[np.uint8], face_landmarker: FaceLandmarker, tmp_path: Path
) -> None:
    _photo(tmp_path, "astronaut", astronaut_rgb)
    _label(tmp_path, "astronaut", (100, 100))
    with pytest.raises(InvalidParameterError, match="512 x 512"):
        read_pictures(tmp_path, None, SPEC, face_landmarker, 5)


def test_the_sum_changes_with_the_label(
    astronaut_rgb: NDArray[np.uint8], face_landmarker: FaceLandmarker, tmp_path: Path
) -> None:
    _photo(tmp_path, "astronaut", astronaut_rgb)
    before = read_pictures(tmp_path, None, SPEC, face_landmarker, 5).data_sha256
    _label(tmp_path, "astronaut", (512, 512))
    assert read_pictures(tmp_path, None, SPEC, face_landmarker, 5).data_sha256 != before


def test_a_folder_that_is_none_is_refused(face_landmarker: FaceLandmarker, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match="no folder"):
        read_pictures(tmp_path / "nowhere", None, SPEC, face_landmarker, 5)
