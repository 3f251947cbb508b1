import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from wrinkle_core.errors import ContractError
from wrinkle_core.texture import texture_map


def gaussian_blur_reference(grey: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Blur with a 21-tap normalised Gaussian and reflect-101 borders, straight from the definition."""
    offsets = np.arange(-10, 11)
    kernel = np.exp(-(offsets**2) / (2 * sigma**2))
    kernel /= kernel.sum()
    padded = np.pad(grey, 10, mode="reflect")
    rows = np.apply_along_axis(np.convolve, 1, padded, kernel, mode="valid")
    return np.apply_along_axis(np.convolve, 0, rows, kernel, mode="valid")


def test_texture_map_is_equation_1() -> None:
    face = np.random.default_rng(0).integers(0, 256, (48, 40, 3), dtype=np.uint8)
    face[...] = face[..., :1]  # grey, so that luma is exact
    grey = face[..., 0].astype(np.float64)
    expected = np.clip((1 - grey / (1 + gaussian_blur_reference(grey, 5.0))) * 255, 0, 255)
    assert np.all(np.abs(texture_map(face) - np.floor(expected)) <= 1)  # float32 rounding at whole numbers


@given(level=st.integers(0, 255), side=st.integers(32, 64))
def test_texture_map_of_flat_skin_is_the_offset_the_equation_gives(level: int, side: int) -> None:
    expected = 255 - 255 * level / (level + 1)
    assert np.all(np.abs(texture_map(np.full((side, side, 3), level, np.uint8)).astype(float) - expected) <= 1)


def test_a_dark_line_stands_out_and_a_bright_one_does_not() -> None:
    face = np.full((64, 64, 3), 180, np.uint8)
    face[20, :] = 120
    face[44, :] = 240
    texture = texture_map(face)
    assert texture[20].min() > 70
    assert texture[44].max() == 0


def test_bright_pixels_do_not_wrap_round() -> None:
    face = np.full((64, 64, 3), 20, np.uint8)
    face[32, 32] = 255
    assert texture_map(face)[32, 32] == 0


def test_dark_floor_is_zero_on_flat_skin_up_to_the_offset() -> None:
    face = np.full((40, 40, 3), 150, np.uint8)
    assert texture_map(face, mode="dark_floor").max() == round(255 / 151)


def test_luma_weights_are_rgb() -> None:
    red, blue = np.zeros((2, 40, 40, 3), np.uint8)
    red[..., 0], blue[..., 2] = 255, 255
    assert texture_map(red).mean() < texture_map(blue).mean()


@pytest.mark.parametrize("face", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3))])
def test_what_is_no_rgb_image_is_refused(face: NDArray[np.uint8]) -> None:
    with pytest.raises(ContractError):
        texture_map(face)


def test_a_sigma_of_zero_is_refused() -> None:
    with pytest.raises(ContractError, match="sigma_px"):
        texture_map(np.zeros((8, 8, 3), np.uint8), sigma_px=0.0)
