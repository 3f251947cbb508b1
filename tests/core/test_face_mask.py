import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from wrinkle_core.contract import MaskRule
from wrinkle_core.errors import ContractError
from wrinkle_core.face_mask import (
    LEFT_BROW,
    LEFT_EYE,
    LIPS_INNER,
    LIPS_OUTER,
    NOSE,
    OVAL,
    RIGHT_BROW,
    RIGHT_EYE,
    face_mask,
)

HOLES = {
    "left eye": LEFT_EYE,
    "right eye": RIGHT_EYE,
    "left brow": LEFT_BROW,
    "right brow": RIGHT_BROW,
    "lips": LIPS_OUTER,
}


def centre(landmarks_xy: NDArray[np.float32], ring: tuple[int, ...]) -> tuple[int, int]:
    x, y = landmarks_xy[list(ring)].mean(axis=0)
    return int(y), int(x)


@pytest.mark.parametrize("ring", [OVAL, LEFT_EYE, RIGHT_EYE, LEFT_BROW, RIGHT_BROW, LIPS_OUTER, LIPS_INNER, NOSE])
def test_a_ring_names_each_landmark_once(ring: tuple[int, ...]) -> None:
    assert len(set(ring)) == len(ring)
    assert all(0 <= index < 468 for index in ring)


@pytest.mark.parametrize("rule", MaskRule)
@pytest.mark.parametrize("name", HOLES)
def test_eyes_brows_and_lips_are_never_skin(
    astronaut_landmarks_xy: NDArray[np.float32], rule: MaskRule, name: str
) -> None:
    mask = face_mask(astronaut_landmarks_xy, 512, 512, rule)
    assert mask[centre(astronaut_landmarks_xy, HOLES[name])] == 0


def test_paper_1_drops_the_nose_and_paper_2_keeps_it(astronaut_landmarks_xy: NDArray[np.float32]) -> None:
    nose = centre(astronaut_landmarks_xy, NOSE)
    assert face_mask(astronaut_landmarks_xy, 512, 512, MaskRule.SKIN)[nose] == 0
    assert face_mask(astronaut_landmarks_xy, 512, 512, MaskRule.FACE)[nose] == 1


def test_cheeks_and_forehead_are_skin_and_the_background_is_not(astronaut_landmarks_xy: NDArray[np.float32]) -> None:
    mask = face_mask(astronaut_landmarks_xy, 512, 512, MaskRule.SKIN)
    for cheek_or_forehead in (50, 280, 151):
        x, y = astronaut_landmarks_xy[cheek_or_forehead]
        assert mask[int(y), int(x)] == 1
    assert mask[5, 5] == 0
    assert set(np.unique(mask)) == {0, 1}


def test_brows_stay_in_when_the_literal_text_of_paper_1_is_asked_for(
    astronaut_landmarks_xy: NDArray[np.float32],
) -> None:
    mask = face_mask(astronaut_landmarks_xy, 512, 512, MaskRule.SKIN, drop_brows=False)
    assert mask[centre(astronaut_landmarks_xy, LEFT_BROW)] == 1


def test_grown_holes_only_take_away(astronaut_landmarks_xy: NDArray[np.float32]) -> None:
    plain = face_mask(astronaut_landmarks_xy, 512, 512, MaskRule.SKIN)
    grown = face_mask(astronaut_landmarks_xy, 512, 512, MaskRule.SKIN, dilate_px=3)
    assert np.all(grown <= plain)
    assert grown.sum() < plain.sum()


def test_a_mask_drawn_in_a_window_equals_that_window_of_the_whole(astronaut_landmarks_xy: NDArray[np.float32]) -> None:
    whole = face_mask(astronaut_landmarks_xy, 512, 512, MaskRule.SKIN)
    window = face_mask((astronaut_landmarks_xy - (150, 40)).astype(np.float32), 200, 180, MaskRule.SKIN)
    assert_array_equal(window, whole[40:240, 150:330])


def test_a_face_that_leaves_the_picture_is_cut_at_its_edge(astronaut_landmarks_xy: NDArray[np.float32]) -> None:
    shifted = (astronaut_landmarks_xy - (200, 0)).astype(np.float32)
    whole = cv2.copyMakeBorder(
        face_mask(astronaut_landmarks_xy, 512, 512, MaskRule.FACE), 0, 0, 0, 200, cv2.BORDER_CONSTANT
    )
    cut = face_mask(shifted, 512, 512, MaskRule.FACE)
    assert np.count_nonzero(cut != whole[:, 200:]) < 10  # a clipped edge is re-rounded


def test_wrong_landmarks_and_empty_frames_are_refused() -> None:
    with pytest.raises(ContractError, match="468"):
        face_mask(np.zeros((478, 2), np.float32), 8, 8, MaskRule.SKIN)
    with pytest.raises(ContractError):
        face_mask(np.zeros((468, 2), np.float32), 0, 8, MaskRule.SKIN)
