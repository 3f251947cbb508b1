"""Finding the largest face and its 468 points, on real photographs."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray

from wrinkle_core.errors import ContractError, ImageTooLargeError, NoFaceError
from wrinkle_core.landmarks import FaceLandmarker, FaceMesh

RIGHT_EYE_OUTER, LEFT_EYE_OUTER = 33, 263


@pytest.fixture(scope="module")
def scene_rgb() -> NDArray[np.uint8]:
    """A faceless photograph, (2000, 3000, 3)."""
    picture = _sample("coffee")
    return np.asarray(cv2.resize(picture, (3000, 2000), interpolation=cv2.INTER_CUBIC), np.uint8)


def _sample(name: str) -> NDArray[np.uint8]:
    """Return one of scikit-image's bundled pictures as RGB."""
    picture = np.asarray(getattr(skimage.data, name)(), np.uint8)
    return np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture


def _error_of_eye_distance(found: FaceMesh, expected_xy: NDArray[np.float64]) -> float:
    """Return the median point error as a share of the outer-eye distance."""
    eye_distance = np.linalg.norm(expected_xy[RIGHT_EYE_OUTER] - expected_xy[LEFT_EYE_OUTER])
    return float(np.median(np.linalg.norm(found.landmarks_xyz[:, :2] - expected_xy, axis=1)) / eye_distance)


def _warped(
    photo_rgb: NDArray[np.uint8], mesh: FaceMesh, matrix: NDArray[np.float64], size_px: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return the photograph and its landmarks after an affine map onto a (width, height) canvas."""
    points = mesh.landmarks_xyz[:, :2].astype(np.float64) @ matrix[:, :2].T + matrix[:, 2]
    return np.asarray(cv2.warpAffine(photo_rgb, matrix, size_px, flags=cv2.INTER_AREA), np.uint8), points


def _pasted_face(
    canvas_rgb: NDArray[np.uint8],
    photo_rgb: NDArray[np.uint8],
    mesh: FaceMesh,
    face_px: float,
    corner_xy: tuple[int, int],
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return a copy of the canvas with the head pasted, its face ``face_px`` high, and the landmarks there."""
    xy = mesh.landmarks_xyz[:, :2].astype(np.float64)
    margin = 0.4 * np.ptp(xy[:, 1])
    low = np.maximum(xy.min(axis=0) - margin, 0).astype(int)
    high = (xy.max(axis=0) + margin).astype(int)
    scale = face_px / np.ptp(xy[:, 1])
    head = cv2.resize(
        photo_rgb[low[1] : high[1], low[0] : high[0]], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
    )
    pasted = canvas_rgb.copy()
    x, y = corner_xy
    pasted[y : y + head.shape[0], x : x + head.shape[1]] = head
    return pasted, (xy - low) * scale + corner_xy


def test_a_face_has_468_finite_points_that_cannot_be_changed(hopper: FaceMesh) -> None:
    assert hopper.landmarks_xyz.shape == (468, 3)
    assert hopper.landmarks_xyz.dtype == np.float32
    assert np.isfinite(hopper.landmarks_xyz).all()
    assert not hopper.landmarks_xyz.flags.writeable
    assert hopper.score > 0.9
    assert hopper.faces == 1


def test_the_outer_eye_corners_are_where_a_person_sees_them(hopper: FaceMesh) -> None:
    assert np.abs(hopper.landmarks_xyz[RIGHT_EYE_OUTER, :2] - (201, 194)).max() < 6
    assert np.abs(hopper.landmarks_xyz[LEFT_EYE_OUTER, :2] - (327, 188)).max() < 6


def test_the_nose_tip_is_nearer_than_the_ears(hopper: FaceMesh) -> None:
    assert hopper.landmarks_xyz[1, 2] < hopper.landmarks_xyz[[234, 454], 2].min()


@pytest.mark.parametrize("angle_deg", [-90, -45, -20, 20, 45, 90, 180])
def test_landmarks_follow_a_turned_photograph(
    face_landmarker: FaceLandmarker, hopper_rgb: NDArray[np.uint8], hopper: FaceMesh, angle_deg: float
) -> None:
    matrix = np.asarray(cv2.getRotationMatrix2D((256, 230), angle_deg, 0.8), np.float64)
    matrix[:, 2] += (44, 70)
    turned_rgb, expected_xy = _warped(hopper_rgb, hopper, matrix, (600, 600))
    assert _error_of_eye_distance(face_landmarker.find(turned_rgb), expected_xy) < 0.06


@pytest.mark.parametrize("scale", [0.4, 2.0, 9.0])
def test_landmarks_follow_a_scaled_photograph(
    face_landmarker: FaceLandmarker, hopper_rgb: NDArray[np.uint8], hopper: FaceMesh, scale: float
) -> None:
    matrix = np.array([[scale, 0, 0], [0, scale, 0]])
    scaled_rgb, expected_xy = _warped(hopper_rgb, hopper, matrix, (int(512 * scale), int(600 * scale)))
    assert _error_of_eye_distance(face_landmarker.find(scaled_rgb), expected_xy) < 0.03


@pytest.mark.parametrize("share", [0.05, 0.06, 0.1, 0.2])
@pytest.mark.parametrize("corner_xy", [(20, 30), (1400, 900), (1900, 900)], ids=["corner", "middle", "far side"])
def test_a_small_face_in_a_large_photograph_is_found(
    face_landmarker: FaceLandmarker,
    hopper_rgb: NDArray[np.uint8],
    hopper: FaceMesh,
    scene_rgb: NDArray[np.uint8],
    share: float,
    corner_xy: tuple[int, int],
) -> None:
    photo_rgb, expected_xy = _pasted_face(scene_rgb, hopper_rgb, hopper, share * 3000, corner_xy)
    found = face_landmarker.find(photo_rgb)
    assert found.faces == 1
    assert _error_of_eye_distance(found, expected_xy) < 0.06


@pytest.mark.parametrize("large_first", [True, False])
def test_of_two_faces_the_larger_is_taken(
    face_landmarker: FaceLandmarker,
    hopper_rgb: NDArray[np.uint8],
    hopper: FaceMesh,
    scene_rgb: NDArray[np.uint8],
    large_first: bool,
) -> None:
    left, right = (100, 200), (1700, 200)
    large_at, small_at = (left, right) if large_first else (right, left)
    photo_rgb, _ = _pasted_face(scene_rgb, hopper_rgb, hopper, 500, small_at)
    photo_rgb, expected_xy = _pasted_face(photo_rgb, hopper_rgb, hopper, 650, large_at)
    found = face_landmarker.find(photo_rgb)
    assert found.faces == 2
    assert _error_of_eye_distance(found, expected_xy) < 0.06


def test_a_mirrored_photograph_mirrors_the_eyes(
    face_landmarker: FaceLandmarker, hopper_rgb: NDArray[np.uint8], hopper: FaceMesh
) -> None:
    mirrored = face_landmarker.find(np.ascontiguousarray(hopper_rgb[:, ::-1])).landmarks_xyz
    expected_x = 511 - hopper.landmarks_xyz[LEFT_EYE_OUTER, 0]
    assert abs(mirrored[RIGHT_EYE_OUTER, 0] - expected_x) < 5


def test_a_view_of_a_bgr_array_works_like_a_copy(
    face_landmarker: FaceLandmarker, hopper_rgb: NDArray[np.uint8], hopper: FaceMesh
) -> None:
    bgr = np.ascontiguousarray(hopper_rgb[..., ::-1])
    assert np.array_equal(face_landmarker.find(bgr[..., ::-1]).landmarks_xyz, hopper.landmarks_xyz)


def test_a_grey_photograph_works(
    face_landmarker: FaceLandmarker, hopper_rgb: NDArray[np.uint8], hopper: FaceMesh
) -> None:
    grey = np.repeat(cv2.cvtColor(hopper_rgb, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    assert _error_of_eye_distance(face_landmarker.find(grey), hopper.landmarks_xyz[:, :2].astype(np.float64)) < 0.05


def test_one_landmarker_gives_the_same_answer_twice(
    face_landmarker: FaceLandmarker, hopper_rgb: NDArray[np.uint8], hopper: FaceMesh
) -> None:
    assert np.array_equal(face_landmarker.find(hopper_rgb).landmarks_xyz, hopper.landmarks_xyz)


@pytest.mark.parametrize("size_px", [(1, 1), (2, 3), (1, 5000), (5000, 1), (40, 40), (700, 900)])
@pytest.mark.parametrize("kind", ["flat", "noise"])
def test_a_picture_without_a_face_is_a_no_face_error_at_any_size(
    face_landmarker: FaceLandmarker, size_px: tuple[int, int], kind: str
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*size_px, 3), dtype=np.uint8)
    with pytest.raises(NoFaceError, match="Send a photograph"):
        face_landmarker.find(noise if kind == "noise" else np.full_like(noise, 127))


@pytest.mark.parametrize("name", ["coffee", "chelsea", "rocket", "grass", "coins"])
def test_a_photograph_of_something_else_is_a_no_face_error(face_landmarker: FaceLandmarker, name: str) -> None:
    with pytest.raises(NoFaceError):
        face_landmarker.find(_sample(name))


def test_a_side_beyond_opencvs_reach_is_a_typed_error(face_landmarker: FaceLandmarker) -> None:
    with pytest.raises(ImageTooLargeError, match="40000x1"):
        face_landmarker.find(np.zeros((1, 40_000, 3), np.uint8))


@pytest.mark.parametrize(
    "array", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8), np.zeros((0, 8, 3), np.uint8)]
)
def test_an_array_that_is_no_rgb_photograph_is_a_contract_error(
    face_landmarker: FaceLandmarker, array: NDArray[np.uint8]
) -> None:
    with pytest.raises(ContractError, match="uint8 RGB"):
        face_landmarker.find(array)
