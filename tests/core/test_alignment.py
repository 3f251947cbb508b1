import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from wrinkle_core.alignment import ffhq_alignment, inter_ocular_px, transform_points, warp_to_aligned
from wrinkle_core.errors import NoFaceError
from wrinkle_core.face_mask import LEFT_EYE, RIGHT_EYE

IDENTITY = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def face() -> NDArray[np.float32]:
    """Return 468 points of which only eyes and mouth corners lie where a face has them."""
    points = np.random.default_rng(3).uniform(200, 800, (468, 2)).astype(np.float32)
    points[list(RIGHT_EYE)] = (400, 480)
    points[list(LEFT_EYE)] = (620, 480)
    points[[61, 291]] = [(430, 700), (590, 700)]
    return points


def moved(points: NDArray[np.float32], scale: float, angle_deg: float, x: float, y: float) -> NDArray[np.float32]:
    angle = np.deg2rad(angle_deg)
    rotation = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (points @ rotation.T + (x, y)).astype(np.float32)


@pytest.mark.shared_data
def test_a_mean_face_lies_where_ffhq_puts_it(shared_data: Path) -> None:
    with (shared_data / "ffhq_template.csv").open() as file:
        template = np.array([(float(row["x"]), float(row["y"])) for row in csv.DictReader(file)], np.float32)
    aligned = transform_points(template, ffhq_alignment(template, 1024))
    assert np.hypot(*(aligned - template).T).mean() < 15  # the mean over heads shrinks a little


@given(scale=st.floats(0.1, 8), angle_deg=st.floats(-180, 180), x=st.floats(-999, 999), y=st.floats(-999, 999))
def test_a_face_aligns_the_same_wherever_it_was(scale: float, angle_deg: float, x: float, y: float) -> None:
    expected = transform_points(face(), ffhq_alignment(face(), 512))
    elsewhere = moved(face(), scale, angle_deg, x, y)
    assert_allclose(transform_points(elsewhere, ffhq_alignment(elsewhere, 512)), expected, atol=0.5)


def test_an_upright_face_stays_upright_with_the_eyes_a_quarter_of_the_frame_apart() -> None:
    aligned = transform_points(face(), ffhq_alignment(face(), 512))
    assert inter_ocular_px(face()) == pytest.approx(220)
    assert inter_ocular_px(aligned) == pytest.approx(128)  # the FFHQ square is four eye distances wide
    assert aligned[LEFT_EYE[0], 0] > aligned[RIGHT_EYE[0], 0]
    assert aligned[61, 1] > aligned[RIGHT_EYE[0], 1]


def test_landmarks_in_one_point_are_no_face() -> None:
    with pytest.raises(NoFaceError):
        ffhq_alignment(np.full((468, 2), 7, np.float32), 512)


def test_warping_by_the_identity_changes_nothing() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert_array_equal(warp_to_aligned(photo, IDENTITY, 64), photo)


def test_what_lies_outside_the_photograph_is_black() -> None:
    photo = np.full((64, 64, 3), 200, np.uint8)
    far_away = np.array([[1.0, 0.0, 900.0], [0.0, 1.0, 900.0]])
    assert warp_to_aligned(photo, far_away, 32).max() == 0
    reduced_far_away = np.array([[0.25, 0.0, 900.0], [0.0, 0.25, 900.0]])
    assert warp_to_aligned(photo, reduced_far_away, 32).max() == 0


@pytest.mark.parametrize("factor", [1.0, 1.6, 2.0, 3.3, 7.0])
def test_a_reduced_face_stays_where_it_is(factor: float) -> None:
    side = 128
    y, x = np.mgrid[: int(side * factor), : int(side * factor)]
    blob = 255 * np.exp(-((x - 60 * factor) ** 2 + (y - 80 * factor) ** 2) / (2 * (9 * factor) ** 2))
    photo = np.repeat(blob.astype(np.uint8)[..., None], 3, axis=2)
    matrix = IDENTITY / factor
    aligned = warp_to_aligned(photo, matrix, side)[..., 0].astype(np.float64)
    rows, columns = np.mgrid[:side, :side]
    centre = (aligned * columns).sum() / aligned.sum(), (aligned * rows).sum() / aligned.sum()
    assert_allclose(centre, (60, 80), atol=0.05)


@pytest.mark.parametrize("scale", [1.7, 0.9, 0.41, 0.13])
@pytest.mark.parametrize("needed", [(0, 0, 96, 96), (20, 31, 50, 40), (70, 0, 26, 1), (10, 90, 0, 6)])
def test_the_part_that_is_needed_does_not_depend_on_what_else_is(
    scale: float, needed: tuple[int, int, int, int]
) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (301, 400, 3), dtype=np.uint8)
    turn = scale * np.array([[np.cos(0.3), np.sin(0.3)], [-np.sin(0.3), np.cos(0.3)]])
    matrix = np.column_stack([turn, 47.5 - turn @ (150, 160)])
    left, top, width, height = needed
    part = np.s_[top : top + height, left : left + width]
    assert_array_equal(
        warp_to_aligned(photo, matrix, 96, needed=needed)[part], warp_to_aligned(photo, matrix, 96)[part]
    )


def test_a_thin_line_in_a_large_photograph_is_averaged_not_skipped() -> None:
    photo = np.full((2048, 2048, 3), 200, np.uint8)
    cv2.line(photo, (0, 1000), (2047, 1000), (0, 0, 0), 2)
    aligned = warp_to_aligned(photo, IDENTITY / 8, 256)
    assert aligned[120:130].min() < 170
