from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from wrinkle_core.errors import NoFaceError
from wrinkle_core.landmarks import FaceLandmarker, FaceMesh
from wrinkle_train.data.landmark_cache import LANDMARKS_FILE, find_landmarks
from wrinkle_train.data.records import PhotoRecord

SavePng = Callable[[Path, NDArray[np.uint8]], Path]


class CountingLandmarker(FaceLandmarker):
    """Counts how often it is asked."""

    def __init__(self, inner: FaceLandmarker) -> None:
        self._inner = inner
        self.asked = 0

    def find(self, photo_rgb: NDArray[np.uint8]) -> FaceMesh:
        self.asked += 1
        return self._inner.find(photo_rgb)


@pytest.fixture
def landmarker(face_landmarker: FaceLandmarker) -> CountingLandmarker:
    return CountingLandmarker(face_landmarker)


@pytest.fixture
def wall(tmp_path: Path, save_png: SavePng) -> PhotoRecord:
    return PhotoRecord("00002", save_png(tmp_path / "00002.png", np.full((256, 256, 3), 120, np.uint8)))


def test_landmarks_are_found_once(face_record: PhotoRecord, landmarker: CountingLandmarker, tmp_path: Path) -> None:
    first = find_landmarks([face_record], tmp_path, landmarker=landmarker)
    again = find_landmarks([face_record], tmp_path, landmarker=landmarker)
    assert landmarker.asked == 1
    np.testing.assert_array_equal(first.shares["00007"], again.shares["00007"])


def test_a_changed_picture_is_looked_at_again(
    face_record: PhotoRecord, landmarker: CountingLandmarker, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.png"
    copy.write_bytes(face_record.image.read_bytes())
    record = PhotoRecord("1", copy)
    find_landmarks([record], tmp_path, landmarker=landmarker)
    os.utime(copy, (1, 1))
    find_landmarks([record], tmp_path, landmarker=landmarker)
    assert landmarker.asked == 2


def test_a_damaged_cache_is_made_again(
    face_record: PhotoRecord, landmarker: CountingLandmarker, tmp_path: Path
) -> None:
    (tmp_path / LANDMARKS_FILE).write_bytes(b"PK torn")
    assert "00007" in find_landmarks([face_record], tmp_path, landmarker=landmarker).shares
    find_landmarks([face_record], tmp_path, landmarker=landmarker)
    assert landmarker.asked == 1


def test_a_picture_without_a_face_is_named(wall: PhotoRecord, landmarker: CountingLandmarker, tmp_path: Path) -> None:
    with pytest.raises(NoFaceError, match=r"00002\.png"):
        find_landmarks([wall], tmp_path, landmarker=landmarker)


def test_pictures_without_a_face_are_counted_when_skipped(
    wall: PhotoRecord, face_record: PhotoRecord, landmarker: CountingLandmarker, tmp_path: Path
) -> None:
    for _ in range(2):
        found = find_landmarks([wall, face_record], tmp_path, landmarker=landmarker, skip_faceless=True)
        assert found.faceless == ("00002",)
        assert found.keep([wall, face_record]) == (face_record,)
    assert landmarker.asked == 2
