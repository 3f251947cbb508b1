from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from wrinkle_core.alignment import inter_ocular_px, transform_points
from wrinkle_core.contract import MaskRule
from wrinkle_core.errors import ContractError
from wrinkle_core.face_mask import face_mask
from wrinkle_core.measure import measure, measured_window
from wrinkle_core.regions import region_labels

LEVEL = 150


def placed(
    landmarks_xy: NDArray[np.float32], side_px: int, interocular_px: float, moved_px: float
) -> NDArray[np.float32]:
    """Return the landmarks turned a little, with that distance between the eyes, moved from the frame's middle."""
    scale = interocular_px / inter_ocular_px(landmarks_xy)
    x, y = (float(value) for value in landmarks_xy.mean(axis=0))
    matrix = np.array(cv2.getRotationMatrix2D((x, y), 12.0, scale), np.float64)
    matrix[:, 2] += side_px / 2 + moved_px - np.array([x, y])
    return transform_points(landmarks_xy, matrix)


def noise(shape: tuple[int, ...], sigma_px: float, seed: int) -> NDArray[np.uint8]:
    smooth = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=shape[-2:]), (0, 0), sigma_px)
    levels: NDArray[np.uint8] = np.clip(128 + 40 * smooth / smooth.std(), 0, 255).astype(np.uint8)
    return levels


@pytest.mark.parametrize(
    ("side_px", "interocular_px", "moved_px", "is_cut"),
    [
        (512, 128.0, 0.3, True),  # blocks of two pixels
        (512, 80.0, -60.0, True),  # of one
        (1024, 250.0, 30.7, True),  # of four
        (512, 128.0, 220.0, True),  # a face at the frame's edge
        (1024, 190.0, 0.0, False),  # of three, of which 1024 is no multiple
        (512, 128.0, 3000.0, False),  # a face outside the frame
    ],
)
def test_the_window_measures_what_the_whole_frame_does(
    astronaut_landmarks_xy: NDArray[np.float32], side_px: int, interocular_px: float, moved_px: float, is_cut: bool
) -> None:
    landmarks_xy = placed(astronaut_landmarks_xy, side_px, interocular_px, moved_px)
    skin = face_mask(landmarks_xy, side_px, side_px, MaskRule.SKIN)
    labels = region_labels(landmarks_xy, side_px, side_px)
    probability = noise(skin.shape, 3.0, 1)
    mask = (probability >= LEVEL).astype(np.uint8) & skin
    face_rgb = np.stack([noise(skin.shape, 6.0, seed) * skin for seed in (2, 3, 4)])

    rows, columns = window = measured_window(landmarks_xy, side_px, interocular_px)

    in_window_xy = landmarks_xy - np.array([columns.start, rows.start], np.float32)
    shape = rows.stop - rows.start, columns.stop - columns.start
    assert (shape != skin.shape) == is_cut
    assert_array_equal(face_mask(in_window_xy, *shape, MaskRule.SKIN), skin[window])
    assert_array_equal(region_labels(in_window_xy, *shape), labels[window])
    planes = face_rgb[:, rows, columns]
    part = measure(
        probability[window], mask[window], skin[window], skin[window], planes, labels[window], interocular_px
    )
    whole = measure(probability, mask, skin, skin, face_rgb, labels, interocular_px)
    assert part == whole


@pytest.mark.parametrize("interocular_px", [0.0, -1.0, float("nan"), float("inf")])
def test_a_distance_that_is_none_is_a_contract_error(interocular_px: float) -> None:
    with pytest.raises(ContractError, match="inter-ocular"):
        measured_window(np.zeros((468, 2), np.float32), 512, interocular_px)
