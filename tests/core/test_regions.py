from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from wrinkle_core.errors import ContractError
from wrinkle_core.face_mask import LEFT_EYE, LIPS_OUTER, NOSE, OVAL, RIGHT_EYE
from wrinkle_core.regions import REGIONS, Region, region_labels
from wrinkle_core.report import REGION_NAMES

NAMES = [region.name for region in REGIONS]
SIDE_PX = 512
INSIDE = {
    "forehead": (151, 108, 337),
    "glabella": (8,),
    "crows_feet_left": (265, 372),
    "crows_feet_right": (35, 143),
    "under_eye_left": (450, 449),
    "under_eye_right": (230, 229),
    "nasolabial_left": (423, 426, 436),
    "nasolabial_right": (203, 206, 216),
    "cheek_left": (280, 330),
    "cheek_right": (50, 101),
    "perioral": (164, 167, 393, 43, 273),
    "chin": (199, 200, 175),
}


def filled(landmarks_xy: NDArray[np.float32], ring: tuple[int, ...]) -> NDArray[np.bool_]:
    image = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    cv2.fillPoly(image, [np.rint(landmarks_xy[list(ring)]).astype(np.int32)], (1,))
    return image.astype(np.bool_)


def perimeter_px(landmarks_xy: NDArray[np.float32], ring: tuple[int, ...]) -> float:
    return float(cv2.arcLength(landmarks_xy[list(ring)], closed=True))


@pytest.fixture(scope="module")
def labels(astronaut_landmarks_xy: NDArray[np.float32]) -> NDArray[np.uint8]:
    return region_labels(astronaut_landmarks_xy, SIDE_PX, SIDE_PX)


def test_the_regions_are_those_the_report_promises() -> None:
    sides = ("crows_feet", "under_eye", "nasolabial", "cheek")
    expected = ["forehead", "glabella", *(f"{name}_{side}" for name in sides for side in ("left", "right"))]
    assert [*expected, "perioral", "chin"] == NAMES


@pytest.mark.parametrize("region", REGIONS, ids=NAMES)
def test_a_ring_names_each_landmark_once(region: Region) -> None:
    assert len(set(region.ring)) == len(region.ring)
    assert all(0 <= index < 468 for index in region.ring)


@pytest.mark.parametrize("name", NAMES)
def test_a_region_holds_the_landmarks_that_lie_in_it(
    labels: NDArray[np.uint8], astronaut_landmarks_xy: NDArray[np.float32], name: str
) -> None:
    for index in INSIDE[name]:
        x, y = np.rint(astronaut_landmarks_xy[index]).astype(int)
        assert labels[y, x] == NAMES.index(name) + 1


@pytest.mark.parametrize("region", REGIONS, ids=NAMES)
def test_on_a_frontal_face_no_region_loses_more_than_its_border_to_a_neighbour(
    labels: NDArray[np.uint8], astronaut_landmarks_xy: NDArray[np.float32], region: Region
) -> None:
    alone = filled(astronaut_landmarks_xy, region.ring) & ~filled(astronaut_landmarks_xy, LIPS_OUTER)
    lost = alone & (labels != NAMES.index(region.name) + 1)
    assert lost.sum() <= perimeter_px(astronaut_landmarks_xy, region.ring)


@pytest.mark.parametrize("region", REGIONS, ids=NAMES)
def test_a_ring_does_not_cross_itself(astronaut_landmarks_xy: NDArray[np.float32], region: Region) -> None:
    area = cv2.contourArea(astronaut_landmarks_xy[list(region.ring)])
    drawn = filled(astronaut_landmarks_xy, region.ring).sum()
    assert abs(drawn - area) <= 0.75 * perimeter_px(astronaut_landmarks_xy, region.ring)


def test_regions_stay_inside_the_oval(labels: NDArray[np.uint8], astronaut_landmarks_xy: NDArray[np.float32]) -> None:
    grown = cv2.dilate(filled(astronaut_landmarks_xy, OVAL).astype(np.uint8), np.ones((3, 3), np.uint8))
    assert not np.any(labels[grown == 0])


@pytest.mark.parametrize("ring", [LEFT_EYE, RIGHT_EYE, LIPS_OUTER, NOSE], ids=["left eye", "right eye", "lips", "nose"])
def test_eyes_lips_and_nose_belong_to_no_region(
    labels: NDArray[np.uint8], astronaut_landmarks_xy: NDArray[np.float32], ring: tuple[int, ...]
) -> None:
    inner = cv2.erode(filled(astronaut_landmarks_xy, ring).astype(np.uint8), np.ones((3, 3), np.uint8))
    assert inner.any()
    assert not np.any(labels[inner == 1])


@pytest.mark.parametrize("name", ["crows_feet", "under_eye", "nasolabial", "cheek"])
def test_left_is_the_subjects_left_which_is_right_in_the_picture(labels: NDArray[np.uint8], name: str) -> None:
    columns = {side: np.nonzero(labels == NAMES.index(f"{name}_{side}") + 1)[1].mean() for side in ("left", "right")}
    assert columns["left"] > columns["right"]


def test_moving_the_face_by_whole_pixels_moves_the_regions(
    labels: NDArray[np.uint8], astronaut_landmarks_xy: NDArray[np.float32]
) -> None:
    moved = region_labels(astronaut_landmarks_xy + np.array([7, -5], np.float32), SIDE_PX, SIDE_PX)
    assert_array_equal(moved[:-5, 7:], labels[5:, :-7])


def test_a_face_outside_the_frame_has_no_regions(astronaut_landmarks_xy: NDArray[np.float32]) -> None:
    assert not region_labels(astronaut_landmarks_xy + np.float32(1e6), 64, 64).any()


def test_wrong_landmarks_and_an_empty_frame_are_contract_errors(astronaut_landmarks_xy: NDArray[np.float32]) -> None:
    with pytest.raises(ContractError, match="468"):
        region_labels(astronaut_landmarks_xy[:100], 64, 64)
    with pytest.raises(ContractError, match="0x64"):
        region_labels(astronaut_landmarks_xy, 64, 0)


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["crows_feet", "under_eye", "nasolabial", "cheek"])
def test_left_and_right_rings_mirror_each_other_on_the_canonical_face(shared_data: Path, name: str) -> None:
    lines = (shared_data / "canonical_face_model.obj").read_text().splitlines()
    vertices = np.array([[float(v) for v in line.split()[1:]] for line in lines if line.startswith("v ")])
    left, right = (REGIONS[NAMES.index(f"{name}_{side}")].ring for side in ("left", "right"))
    np.testing.assert_allclose(vertices[list(left)] * (-1, 1, 1), vertices[list(right)], atol=0.05)


def test_the_report_names_the_regions_in_the_same_order() -> None:
    assert tuple(NAMES) == REGION_NAMES
