from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from encoded_images import PHOTO, RGB, encoded, heif
from wrinkle_core.decode import decode_image


def upright(orientation: int) -> NDArray[np.uint8]:
    exif = Image.Exif()
    exif[0x0112] = orientation
    tagged = Image.open(io.BytesIO(encoded(PHOTO, "PNG", exif=exif)))
    return np.asarray(ImageOps.exif_transpose(tagged))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_exif_orientation_is_applied(file_format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossy: dict[str, dict[str, Any]] = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95}}

    rgb = decode_image(encoded(PHOTO, file_format, exif=exif, **lossy.get(file_format, {})))

    expected = upright(orientation)
    assert rgb.shape == expected.shape
    np.testing.assert_allclose(rgb.astype(int), expected.astype(int), atol=24 if file_format == "JPEG" else 0)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_turned_heic_photograph_is_made_upright_once(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation

    rgb = decode_image(heif(PHOTO, exif=exif.tobytes()))

    expected = upright(orientation)
    assert rgb.shape == expected.shape
    np.testing.assert_allclose(rgb.astype(int), expected.astype(int), atol=24)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0" + b"\xff" * 40])
def test_a_damaged_exif_block_leaves_the_photograph_as_it_is(exif: bytes) -> None:
    assert decode_image(encoded(PHOTO, "JPEG", exif=exif)).shape == RGB.shape


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_exif_does_not_define_means_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation

    np.testing.assert_array_equal(decode_image(encoded(PHOTO, "PNG", exif=exif)), RGB)
