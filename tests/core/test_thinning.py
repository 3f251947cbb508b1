from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from skimage.morphology import skeletonize

from wrinkle_core.thinning import thinned


def left_of(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the thinned mask as a picture."""
    count, components = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    y, x = np.nonzero(mask)
    left = np.zeros_like(mask)
    left[y, x] = thinned(mask, y, x, components[y, x].astype(np.intp) - 1, count - 1)
    return left


def in_one_picture(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(skeletonize(mask), np.bool_)  # type: ignore[no-untyped-call]


def blobs(share: float, smooth_px: float, seed: int, shape: tuple[int, int] = (120, 150)) -> NDArray[np.bool_]:
    noise = np.random.default_rng(seed).normal(size=shape)
    smooth = cv2.GaussianBlur(noise, (0, 0), smooth_px)
    return np.asarray(smooth > np.quantile(smooth, 1.0 - share), np.bool_)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("share", "smooth_px"), [(0.05, 1.0), (0.2, 2.0), (0.4, 0.6), (0.6, 4.0)])
def test_lines_apart_are_thinned_as_in_one_picture(share: float, smooth_px: float, seed: int) -> None:
    mask = blobs(share, smooth_px, seed)
    assert_array_equal(left_of(mask), in_one_picture(mask))


def test_lines_inside_one_another_are_thinned_as_in_one_picture() -> None:
    rings: NDArray[np.uint8] = np.zeros((200, 200), np.uint8)
    for radius_px in range(4, 100, 8):
        cv2.circle(rings, (100, 100), radius_px, (1,), 3)
    assert_array_equal(left_of(rings.astype(np.bool_)), in_one_picture(rings.astype(np.bool_)))


def test_a_dot_and_a_line_of_one_pixel_stay() -> None:
    mask: NDArray[np.bool_] = np.zeros((5, 9), np.bool_)
    mask[0, 0] = True
    mask[2, 2:8] = True
    assert_array_equal(left_of(mask), mask)
