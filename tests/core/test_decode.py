from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from encoded_images import FILES, LOSSLESS, PHOTO, RGB, encoded
from wrinkle_core.decode import decode_image
from wrinkle_core.errors import (
    UnsupportedFormatError,
)
from wrinkle_core.pixel_format import NEUTRAL_RGB


@pytest.mark.parametrize("name", FILES)
def test_every_format_decodes_to_the_picture_it_holds(name: str) -> None:
    rgb = decode_image(FILES[name])

    assert rgb.dtype == np.uint8
    assert rgb.flags.c_contiguous
    assert rgb.shape == RGB.shape
    np.testing.assert_allclose(rgb.astype(int), RGB.astype(int), atol=0 if name in LOSSLESS else 24)


def test_a_memoryview_decodes_like_the_bytes_it_shows() -> None:
    np.testing.assert_array_equal(decode_image(memoryview(FILES["png"])), RGB)


def test_decoded_pixels_cannot_be_changed_by_accident() -> None:
    with pytest.raises(ValueError, match="read-only"):
        decode_image(FILES["png"])[0, 0] = 0


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "TIFF"])
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_grey_one_bit_and_palette_pictures_become_rgb(mode: str, file_format: str) -> None:
    source = PHOTO.convert(mode)

    np.testing.assert_array_equal(decode_image(encoded(source, file_format)), np.asarray(source.convert("RGB")))


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("alpha", [0, 51, 255])
def test_transparent_pixels_lie_over_mid_grey(alpha: int, file_format: str) -> None:
    colour = np.array((200, 40, 90))
    source = Image.new("RGBA", (16, 8), (*colour.tolist(), alpha))
    options = {"WEBP": {"lossless": True, "exact": True}}.get(file_format, {})

    rgb = decode_image(encoded(source, file_format, **options))

    share = alpha / 255
    expected = share * colour + (1 - share) * np.array(NEUTRAL_RGB)
    np.testing.assert_allclose(rgb.reshape(-1, 3), np.broadcast_to(expected, (128, 3)), atol=1)


def test_grey_with_alpha_and_a_transparent_palette_entry_lie_over_mid_grey() -> None:
    grey = decode_image(encoded(Image.new("LA", (4, 4), (250, 0)), "PNG"))
    indexed = Image.new("P", (4, 4), 3)
    indexed.putpalette([200, 40, 90] * 256)
    palette = decode_image(encoded(indexed, "PNG", transparency=3))

    assert np.all(grey == NEUTRAL_RGB[0])
    assert np.all(palette == NEUTRAL_RGB[0])


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled_and_not_cut(file_format: str) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(1, 256)

    rgb = decode_image(encoded(Image.fromarray(ramp), file_format))

    np.testing.assert_allclose(rgb[0, :, 0], np.arange(256), atol=1)


def test_thirty_two_bit_and_float_tiffs_are_scaled_by_their_own_range() -> None:
    integers = Image.fromarray(np.array([[0, 2**30, 2**31 - 1]], np.int32))
    floats = Image.fromarray(np.array([[-1.0, 0.0, 0.5, 1.0, 7.0, np.nan]], np.float32))

    np.testing.assert_array_equal(decode_image(encoded(integers, "TIFF"))[0, :, 0], [0, 128, 255])
    np.testing.assert_array_equal(decode_image(encoded(floats, "TIFF"))[0, :, 0], [0, 0, 128, 255, 255, 0])


@pytest.mark.parametrize("file_format", ["JPEG", "TIFF"])
def test_cmyk_pictures_are_not_inverted(file_format: str) -> None:
    red = Image.new("CMYK", (16, 16), (0, 255, 255, 0))

    np.testing.assert_allclose(decode_image(encoded(red, file_format)).reshape(-1, 3)[0], (255, 0, 0), atol=6)


def test_a_lab_tiff_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedFormatError, match="LAB"):
        decode_image(encoded(Image.new("LAB", (8, 8)), "TIFF"))


def test_the_first_page_of_a_tiff_is_read() -> None:
    data = encoded(PHOTO, "TIFF", save_all=True, append_images=[Image.new("RGB", (9, 9))])

    np.testing.assert_array_equal(decode_image(data), RGB)


def test_the_first_picture_of_a_phones_multi_picture_jpeg_is_read() -> None:
    data = encoded(PHOTO, "MPO", save_all=True, append_images=[Image.new("RGB", (9, 9))], quality=95)

    assert decode_image(data).shape == RGB.shape
