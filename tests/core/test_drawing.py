from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from wrinkle_core.drawing import overlay_heat, overlay_mask, side_by_side
from wrinkle_core.errors import ContractError

SKIN_TONES = [(255, 224, 200), (224, 172, 140), (141, 85, 36), (60, 35, 25)]


def skin(height: int, width: int, tone: tuple[int, int, int] = SKIN_TONES[1]) -> NDArray[np.uint8]:
    return np.full((height, width, 3), tone, np.uint8)


def line_mask(height: int, width: int, width_px: int = 1) -> NDArray[np.uint8]:
    mask = np.zeros((height, width), np.uint8)
    mask[height // 2 : height // 2 + width_px, width // 4 : 3 * width // 4] = 1
    return mask


def luma(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    weighted: NDArray[np.float64] = pixels @ np.array([0.299, 0.587, 0.114])
    return weighted


@pytest.mark.parametrize("tone", SKIN_TONES)
def test_a_line_stands_out_from_every_skin_tone(tone: tuple[int, int, int]) -> None:
    mask = line_mask(200, 200, 2)
    drawn = overlay_mask(skin(200, 200, tone), mask)
    distance = np.linalg.norm(drawn[mask == 1].astype(float) - tone, axis=1)
    assert distance.min() > 120


def test_a_line_has_a_rim_darker_than_light_skin() -> None:
    light = skin(200, 200, SKIN_TONES[0])
    drawn = overlay_mask(light, line_mask(200, 200, 2))
    assert luma(drawn).min() < luma(light).min() - 40


@pytest.mark.parametrize("side_px", [512, 1024, 3000, 6000])
def test_a_one_pixel_line_is_still_seen_when_a_photograph_is_shrunk_to_500_pixels(side_px: int) -> None:
    photo = skin(side_px, side_px)
    drawn = Image.fromarray(overlay_mask(photo, line_mask(side_px, side_px))).resize((500, 500), Image.Resampling.BOX)
    distance = np.linalg.norm(np.asarray(drawn, float)[:, 250] - photo[0, 0], axis=1)
    assert distance.max() > 60


def test_pixels_far_from_the_mask_stay_as_they_were() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    mask = line_mask(300, 400)
    drawn = overlay_mask(photo, mask)
    np.testing.assert_array_equal(drawn[:140], photo[:140])
    np.testing.assert_array_equal(drawn[162:], photo[162:])


def test_a_mask_at_the_edge_is_drawn_whole() -> None:
    mask = np.zeros((50, 60), np.uint8)
    mask[0, :] = mask[:, -1] = 1
    drawn = overlay_mask(skin(50, 60), mask)
    assert (drawn[mask == 1] != skin(50, 60)[mask == 1]).any(axis=1).all()


def test_nothing_marked_leaves_an_equal_copy() -> None:
    photo = skin(20, 30)
    drawn = overlay_mask(photo, np.zeros((20, 30), np.uint8))
    np.testing.assert_array_equal(drawn, photo)
    assert drawn is not photo
    np.testing.assert_array_equal(overlay_heat(photo, np.zeros((20, 30), np.float32)), photo)


def test_a_read_only_photograph_can_be_drawn_over_and_stays_untouched() -> None:
    photo = skin(40, 40)
    photo.flags.writeable = False
    overlay_mask(photo, line_mask(40, 40))[0, 0] = 1
    overlay_heat(photo, line_mask(40, 40).astype(np.float32))[0, 0] = 1
    np.testing.assert_array_equal(photo, skin(40, 40))


def test_the_heat_scale_brightens_with_the_probability_and_fades_out_below_a_tenth() -> None:
    probability = np.linspace(0, 1, 256, dtype=np.float32)[None].repeat(2, axis=0)
    drawn = overlay_heat(np.zeros((2, 256, 3), np.uint8), probability)
    brightness = luma(drawn[0])
    assert (drawn[0, :25] == 0).all()
    assert (np.diff(brightness) >= -1).all()
    assert brightness[-1] > 200


@pytest.mark.parametrize(("side_px", "rows"), [(400, 1), (1600, 3), (3200, 5)])
def test_heat_stays_as_wide_to_the_eye_in_a_large_photograph(side_px: int, rows: int) -> None:
    probability = np.zeros((side_px, side_px), np.float32)
    probability[side_px // 2, 10:40] = 1
    drawn = overlay_heat(np.zeros((side_px, side_px, 3), np.uint8), probability)
    assert np.count_nonzero(drawn.any(axis=(1, 2))) == rows


@pytest.mark.parametrize(("size", "expected"), [((40, 30), (40, 61)), ((30, 40), (30, 81)), ((20, 40), (41, 40))])
def test_wide_pictures_are_stacked_and_others_stand_left_and_right(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    left, right = skin(*size), np.zeros((*size, 3), np.uint8)
    both = side_by_side(left, right, gap_px=1)
    assert both.shape[:2] == expected
    np.testing.assert_array_equal(both[: size[0], : size[1]], left)
    np.testing.assert_array_equal(both[-size[0] :, -size[1] :], right)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: overlay_mask(skin(20, 30), np.zeros((30, 20), np.uint8)),
        lambda: overlay_mask(skin(20, 30), np.zeros((20, 30), bool)),
        lambda: overlay_mask(skin(20, 30)[..., 0], np.zeros((20, 30), np.uint8)),
        lambda: overlay_mask(skin(20, 30).astype(np.float32), np.zeros((20, 30), np.uint8)),
        lambda: overlay_heat(skin(20, 30), np.zeros((20, 30), np.uint8)),
        lambda: overlay_heat(skin(20, 30), np.zeros((20, 31), np.float32)),
        lambda: side_by_side(skin(20, 30), skin(30, 20)),
    ],
)
def test_arrays_that_do_not_fit_are_refused(draw: Callable[[], object]) -> None:
    with pytest.raises(ContractError):
        draw()
