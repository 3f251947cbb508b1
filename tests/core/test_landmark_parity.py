"""Our 468 points against the real mediapipe 0.10.21, installed in an environment of its own."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from wrinkle_core.errors import NoFaceError
from wrinkle_core.landmarks import FaceLandmarker

REFERENCE_SCRIPT = Path(__file__).with_name("mediapipe_reference.py")
MAX_MEDIAN_ERROR = 0.02  # of the outer-eye distance
MAX_P90_ERROR = 0.02

Meshes = dict[str, NDArray[np.float32]]


@pytest.fixture(scope="module")
def photos(shared_data: Path) -> list[Path]:
    return sorted((shared_data / "faces").glob("*.jpg"))


@pytest.fixture(scope="module")
def reference(photos: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Meshes:
    folder = tmp_path_factory.mktemp("mediapipe")
    venv.create(folder / "venv", with_pip=True)
    python = str(folder / "venv" / "bin" / "python")
    assert sys.version_info[:2] <= (3, 12), "mediapipe 0.10.21 has wheels for CPython up to 3.12"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "mediapipe==0.10.21"], check=True, timeout=600)
    output = folder / "meshes.npz"
    subprocess.run([python, str(REFERENCE_SCRIPT), str(output), *map(str, photos)], check=True, timeout=600)
    with np.load(output) as archive:
        return {name: archive[name] for name in archive.files}


@pytest.fixture(scope="module")
def ours(photos: list[Path], face_landmarker: FaceLandmarker) -> Meshes:
    meshes = {}
    for photo in photos:
        bgr = np.asarray(cv2.imread(str(photo)), np.uint8)  # the same decoder as the reference
        try:
            meshes[photo.stem] = face_landmarker.find(np.ascontiguousarray(bgr[..., ::-1])).landmarks_xyz
        except NoFaceError:
            meshes[photo.stem] = np.zeros((0, 3), np.float32)
    return meshes


@pytest.mark.slow
@pytest.mark.shared_data
@pytest.mark.timeout(1500)
def test_a_face_that_mediapipe_finds_is_found(reference: Meshes, ours: Meshes) -> None:
    assert [name for name in reference if len(reference[name]) and not len(ours[name])] == []


@pytest.mark.slow
@pytest.mark.shared_data
@pytest.mark.timeout(1500)
def test_landmarks_equal_mediapipes(reference: Meshes, ours: Meshes) -> None:
    errors = {}
    for name, expected in reference.items():
        if len(expected) and len(ours[name]):
            eye_distance = np.linalg.norm(expected[33, :2] - expected[263, :2])
            distances = np.linalg.norm(ours[name][:, :2] - expected[:, :2], axis=1)
            errors[name] = float(np.median(distances) / eye_distance)
    assert len(errors) >= 60
    assert np.median(list(errors.values())) <= MAX_MEDIAN_ERROR, errors
    assert np.percentile(list(errors.values()), 90) <= MAX_P90_ERROR, errors
