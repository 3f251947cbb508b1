from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from wrinkle_train.data.augmentation import Augmentation, draw_warp
from wrinkle_train.data.warps import Step, affine, axis_stretch, compose, displaced, lens, mirror, resized_crop

SIDE = 64


@pytest.fixture
def noise() -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    "step",
    [
        affine(SIDE),
        resized_crop(SIDE, 0, 0, SIDE, SIDE),
        axis_stretch(SIDE, [1.0] * 5, [1.0] * 5),
        lens(SIDE, 0.0, (0.0, 0.0)),
        displaced(np.zeros((SIDE, SIDE, 2), np.float32)),
    ],
    ids=["affine", "crop", "grid", "lens", "elastic"],
)
def test_a_step_of_no_strength_changes_nothing(step: Step, noise: NDArray[np.uint8]) -> None:
    np.testing.assert_array_equal(compose(SIDE, [step]).picture(noise), noise)


def test_the_mirror_image_is_exact(noise: NDArray[np.uint8]) -> None:
    np.testing.assert_array_equal(compose(SIDE, [mirror(SIDE)]).picture(noise), noise[:, ::-1])


def test_a_quarter_turn_is_exact(noise: NDArray[np.uint8]) -> None:
    turned = compose(SIDE, [affine(SIDE, angle_deg=90)]).mask(noise[..., 0])
    np.testing.assert_array_equal(turned, np.rot90(noise[..., 0], -1))


def test_a_shift_moves_the_picture_and_fills_with_zero(noise: NDArray[np.uint8]) -> None:
    moved = compose(SIDE, [affine(SIDE, shift_px=(5, -3))]).picture(noise)
    np.testing.assert_array_equal(moved[:-3, 5:], noise[3:, :-5])
    assert not moved[:, :5].any()


def test_steps_act_in_the_order_given(noise: NDArray[np.uint8]) -> None:
    shift = affine(SIDE, shift_px=(5, 0))
    moved = compose(SIDE, [shift, mirror(SIDE)]).picture(noise)
    np.testing.assert_array_equal(moved[:, : SIDE - 5], noise[:, ::-1][:, 5:])


def test_a_crop_enlarges_its_part(noise: NDArray[np.uint8]) -> None:
    part = compose(SIDE, [resized_crop(SIDE, 8, 16, 32, 32)]).mask(noise[..., 0])
    np.testing.assert_array_equal(part, np.kron(noise[16:48, 8:40, 0], np.ones((2, 2), np.uint8)))


def test_a_wider_cell_of_the_grid_shows_more_of_the_picture() -> None:
    ramp = np.tile(np.arange(SIDE, dtype=np.uint8), (SIDE, 1))
    warped = compose(SIDE, [axis_stretch(SIDE, [1.5, 0.5], [1.0, 1.0])]).picture(ramp)
    assert warped[0, SIDE // 2] == pytest.approx(0.75 * SIDE, abs=1)
    assert warped[0, SIDE - 2] == pytest.approx(SIDE - 1.5, abs=1)


@pytest.mark.parametrize("augmentation", ["paper1", "paper2"])
def test_a_drawn_warp_is_decided_by_its_seed(augmentation: Augmentation) -> None:
    first, again, other = (draw_warp(augmentation, SIDE, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert first is not None
    assert again is not None
    assert other is not None
    np.testing.assert_array_equal(first.x, again.x)
    assert not np.array_equal(first.x, other.x)


def test_no_augmentation_is_no_warp() -> None:
    assert draw_warp("none", SIDE, np.random.default_rng(1)) is None


def test_paper_1_flips_half_and_turns_up_to_45_degrees() -> None:
    angles, flips = [], 0
    for seed in range(200):
        warp = draw_warp("paper1", SIDE, np.random.default_rng(seed))
        assert warp is not None
        dx, dy = float(warp.x[32, 33] - warp.x[32, 32]), float(warp.y[32, 33] - warp.y[32, 32])
        ex, ey = float(warp.x[33, 32] - warp.x[32, 32]), float(warp.y[33, 32] - warp.y[32, 32])
        flips += dx * ey - dy * ex < 0
        angles.append(np.rad2deg(np.arctan2(abs(ex), ey)))
    assert 70 < flips < 130
    assert max(angles) <= 45.01
    assert max(angles) > 40


def test_paper_2_mostly_keeps_the_picture_in_sight() -> None:
    inside = []
    for seed in range(60):
        warp = draw_warp("paper2", SIDE, np.random.default_rng(seed))
        assert warp is not None
        seen = (warp.x > -0.5) & (warp.x < SIDE - 0.5) & (warp.y > -0.5) & (warp.y < SIDE - 0.5)
        inside.append(seen.mean())
    assert np.mean(inside) > 0.7
    assert min(inside) > 0.15
