"""Fewer pixels of a large JPEG: averages of the photograph's, where they should be."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from encoded_images import FILES, PHOTO, colours, encoded
from wrinkle_core.decode import Photograph, decode_image
from wrinkle_core.jpeg_pixels import Reduction


def turned(orientation: int, image: Image.Image = PHOTO) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(image, "JPEG", quality=98, subsampling="4:4:4", exif=exif)


def averages(rgb: NDArray[np.uint8], reduction: int) -> NDArray[np.uint8]:
    height, width = rgb.shape[0] // reduction, rgb.shape[1] // reduction
    whole = rgb[: height * reduction, : width * reduction]
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("reduction", [2, 4])
def test_reduced_pixels_are_averages_of_the_upright_photograph(orientation: int, reduction: Reduction) -> None:
    full_rgb = decode_image(turned(orientation))
    reduced = Photograph(turned(orientation)).reduced(reduction)

    assert reduced is not None
    assert (reduced.height_px, reduced.width_px) == full_rgb.shape[:2]
    np.testing.assert_allclose(reduced.rgb.astype(int), averages(full_rgb, reduction).astype(int), atol=4)
    assert not reduced.rgb.flags.writeable


def test_a_pixel_is_the_centre_of_the_square_it_stands_for() -> None:
    reduced = Photograph(FILES["jpeg"]).reduced(4)
    assert reduced is not None
    np.testing.assert_allclose(reduced.to_photo @ (5, 3, 1), (21.5, 13.5, 1))


def test_odd_sides_are_rounded_up_and_begin_at_the_first_pixel() -> None:
    odd = turned(1, colours(47, 33))
    reduced = Photograph(odd).reduced(2)

    assert reduced is not None
    assert reduced.rgb.shape == (17, 24, 3)
    assert (reduced.width_px, reduced.height_px) == (47, 33)
    np.testing.assert_allclose(reduced.rgb[:16, :23].astype(int), averages(decode_image(odd), 2).astype(int), atol=4)


def test_odd_sides_of_a_turned_photograph_are_not_reduced() -> None:
    assert Photograph(turned(6, colours(47, 33))).reduced(2) is None


@pytest.mark.parametrize(
    "data", [FILES["png"], FILES["heif"], encoded(PHOTO.convert("L"), "JPEG"), FILES["jpeg"][:-100]]
)
def test_what_cannot_be_reduced_is_left_to_full_decoding(data: bytes) -> None:
    assert Photograph(data).reduced(2) is None
