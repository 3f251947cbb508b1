from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from wrinkle_core.marked_tiles import marked_in_tiles

SIDE_PX = 256


def few_lines(seed: int) -> NDArray[np.uint8]:
    """Return probabilities of a few soft lines, some of which reach the frame's edge."""
    rng = np.random.default_rng(seed)
    probability: NDArray[np.uint8] = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    for _ in range(6):
        start = rng.integers(-20, SIDE_PX + 20, 2)
        end = start + rng.integers(-90, 91, 2)
        cv2.line(probability, start.tolist(), end.tolist(), (int(rng.integers(150, 256)),), int(rng.integers(1, 4)))
    return np.asarray(cv2.GaussianBlur(probability, (3, 3), 0.6), np.uint8)


def ellipse(height: int, width: int) -> NDArray[np.uint8]:
    skin: NDArray[np.uint8] = np.zeros((height, width), np.uint8)
    cv2.ellipse(skin, (width // 2, height // 2), (width // 2, height // 2), 0.0, 0.0, 360.0, (1,), -1)
    return skin


def to_frame(angle_deg: float, scale: float, height: int, width: int) -> NDArray[np.float64]:
    """Return a matrix that brings the middle of a box near the middle of the frame."""
    matrix = np.asarray(cv2.getRotationMatrix2D((width / 2.0, height / 2.0), angle_deg, scale), np.float64)
    matrix[:, 2] += (SIDE_PX / 2.0 - width / 2.0 + 0.37, SIDE_PX / 2.0 - height / 2.0 - 0.21)
    return matrix


def marked_by_warping_all(
    probability: NDArray[np.uint8], to_aligned: NDArray[np.float64], skin: NDArray[np.uint8], level: int
) -> NDArray[np.uint8]:
    size = skin.shape[1], skin.shape[0]
    warped = cv2.warpAffine(probability, to_aligned, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return np.packbits((warped >= level) & (skin == 1), axis=1)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**16),
    angle_deg=st.floats(-180.0, 180.0),
    scale=st.floats(0.05, 1.4),
    height=st.integers(1, 400),
    width=st.integers(1, 400),
    level=st.integers(1, 255),
)
def test_tiles_give_the_bits_that_warping_all_gives(
    seed: int, angle_deg: float, scale: float, height: int, width: int, level: int
) -> None:
    probability, skin = few_lines(seed), ellipse(height, width)
    to_aligned = to_frame(angle_deg, scale, height, width)
    marked = marked_in_tiles(probability, to_aligned, np.packbits(skin, axis=1), level)
    if marked is not None:  # few pixels may still be near a line in most of their tiles
        assert_array_equal(marked, marked_by_warping_all(probability, to_aligned, skin, level))


@pytest.mark.parametrize(
    "to_aligned",
    [
        to_frame(0.0, 0.23, 900, 777),
        to_frame(7.3, 0.23, 900, 777),
        to_frame(91.0, 0.23, 900, 777),
        np.array([[15 / 64, 0.0, 30 + 1 / 64], [0.0, 15 / 64, 20 + 1 / 64]]),  # every other step is half of 1/32 px
    ],
    ids=["upright", "leaned", "sideways", "halves"],
)
def test_a_large_face_with_few_lines_is_marked_tile_by_tile(to_aligned: NDArray[np.float64]) -> None:
    probability, skin = few_lines(1), ellipse(900, 777)
    marked = marked_in_tiles(probability, to_aligned, np.packbits(skin, axis=1), 60)
    assert marked is not None
    assert marked.any()
    assert_array_equal(marked, marked_by_warping_all(probability, to_aligned, skin, 60))


@pytest.mark.parametrize(
    ("scale", "filling", "level"),
    [(0.5, 255, 100), (0.5, 0, 0), (3.0, 0, 100)],
    ids=["all marked", "the least level", "a photograph smaller than the frame"],
)
def test_where_tiles_are_no_gain_there_are_none(scale: float, filling: int, level: int) -> None:
    probability: NDArray[np.uint8] = np.full((SIDE_PX, SIDE_PX), filling, np.uint8)
    skin_bits = np.packbits(ellipse(300, 300), axis=1)
    assert marked_in_tiles(probability, to_frame(0.0, scale, 300, 300), skin_bits, level) is None
