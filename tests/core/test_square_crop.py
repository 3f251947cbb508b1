"""Squares of a photograph as network inputs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from wrinkle_core.square_crop import Square, crop_square, whole_photo


def _ramp(side_px: int) -> NDArray[np.uint8]:
    columns = np.linspace(0, 255, side_px).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(columns[None, :, None], (side_px, side_px, 3)))


def test_letterboxing_a_wide_photograph_pads_above_and_below() -> None:
    white = np.full((100, 400, 3), 255, np.uint8)
    crop = crop_square(white, whole_photo(100, 400), 128, replicate_border=False)
    assert crop[:46].max() == 0
    assert crop[82:].max() == 0
    assert crop[50:78, 2:126].min() == 255


def test_replicating_the_border_leaves_no_black() -> None:
    white = np.full((100, 400, 3), 255, np.uint8)
    assert crop_square(white, whole_photo(100, 400), 128, replicate_border=True).min() == 255


def test_a_half_turn_mirrors_both_axes() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    upright = crop_square(photo, Square(32, 32, 64), 64, replicate_border=True)
    turned = crop_square(photo, Square(32, 32, 64, np.pi), 64, replicate_border=True)
    assert np.abs(turned[1:, 1:].astype(int) - upright[::-1, ::-1][:-1, :-1]).max() <= 1


@pytest.mark.parametrize("side_px", [128, 1000, 3000, 8000])
def test_a_ramp_keeps_its_values_at_every_reduction(side_px: int) -> None:
    crop = crop_square(_ramp(side_px), whole_photo(side_px, side_px), 128, replicate_border=True)
    expected = (np.arange(128) * side_px / 128) / (side_px - 1) * 255
    assert np.abs(crop[64, 4:-4, 0] - expected[4:-4]).max() <= 2.5


@pytest.mark.parametrize("reduction", [2, 4])
def test_a_reduced_photograph_is_averaged_over_the_same_part(reduction: int) -> None:
    side_px = 1024 // reduction
    reduced = np.random.default_rng(1).integers(0, 256, (side_px, side_px, 3), dtype=np.uint8)
    photo = reduced.repeat(reduction, axis=0).repeat(reduction, axis=1)
    part = Square(side_px / 2, side_px / 2, 0.9 * side_px)
    wanted = crop_square(photo, Square(512, 512, 0.9 * 1024), 48, replicate_border=True).astype(int)
    aware = crop_square(reduced, part, 48, replicate_border=True, reduction=reduction)
    unaware = crop_square(reduced, part, 48, replicate_border=True)
    assert np.abs(aware - wanted).mean() < 0.6 * np.abs(unaware - wanted).mean()


def test_noise_of_a_large_photograph_is_averaged() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (4000, 4000, 3), dtype=np.uint8)
    crop = crop_square(noise, whole_photo(4000, 4000), 128, replicate_border=True)
    assert crop.std() < noise.std() / 3


@given(
    x=st.floats(-500, 500),
    y=st.floats(-500, 500),
    side=st.floats(1, 5000),
    angle=st.floats(-np.pi, np.pi),
    out_px=st.integers(1, 256),
)
def test_the_middle_of_the_crop_is_the_squares_centre(
    x: float, y: float, side: float, angle: float, out_px: int
) -> None:
    matrix = Square(x, y, side, angle).to_photo(out_px)
    assert np.allclose(matrix @ [out_px / 2, out_px / 2, 1.0], [x, y], atol=1e-6)
    assert np.isclose(np.linalg.det(matrix[:, :2]), (side / out_px) ** 2)
