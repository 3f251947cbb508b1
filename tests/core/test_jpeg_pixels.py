"""The fast way to a JPEG's pixels gives Pillow's pixels, bit for bit, or leaves the file to Pillow."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from wrinkle_core.decode import decode_image
from wrinkle_core.errors import InvalidImageError, TruncatedImageError
from wrinkle_core.jpeg_pixels import jpeg_rgb


def jpeg(picture: NDArray[np.uint8], mode: str = "RGB", **options: Any) -> bytes:
    buffer = BytesIO()
    Image.fromarray(picture).convert(mode).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def by_pillow(encoded: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(BytesIO(encoded)))


@pytest.mark.parametrize(
    "options",
    [
        {"quality": 30, "subsampling": "4:2:0"},
        {"quality": 75, "subsampling": "4:2:2"},
        {"quality": 100, "subsampling": "4:4:4"},
        {"quality": 85, "progressive": True},
        {"quality": 85, "restart_marker_rows": 1},
        {"quality": 90, "keep_rgb": True, "subsampling": "4:4:4"},
    ],
    ids=lambda options: "-".join(map(str, options.values())),
)
@pytest.mark.parametrize("side", [1, 17, 511])
def test_pixels_are_pillows(astronaut_rgb: NDArray[np.uint8], options: dict[str, Any], side: int) -> None:
    encoded = jpeg(np.ascontiguousarray(astronaut_rgb[:side, : side + 1]), **options)
    pixels = jpeg_rgb(encoded, (side + 1, side))
    assert pixels is not None
    np.testing.assert_array_equal(pixels, by_pillow(encoded))
    np.testing.assert_array_equal(decode_image(encoded), pixels)


def test_the_exif_orientation_is_applied_afterwards(astronaut_rgb: NDArray[np.uint8]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    encoded = jpeg(np.ascontiguousarray(astronaut_rgb[:100]), exif=exif)
    np.testing.assert_array_equal(decode_image(encoded), np.rot90(by_pillow(encoded), -1))


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_kinds_of_pixels_are_pillows_too(astronaut_rgb: NDArray[np.uint8], mode: str) -> None:
    encoded = jpeg(astronaut_rgb, mode)
    wanted = np.asarray(Image.open(BytesIO(encoded)).convert("RGB"))
    np.testing.assert_array_equal(decode_image(encoded), wanted)


def test_what_the_library_warns_of_is_left_to_pillow(astronaut_rgb: NDArray[np.uint8]) -> None:
    encoded = jpeg(astronaut_rgb)
    assert jpeg_rgb(encoded[: len(encoded) // 2], (512, 512)) is None
    assert jpeg_rgb(encoded, (512, 511)) is None
    with pytest.raises(TruncatedImageError):
        decode_image(encoded[: len(encoded) // 2])
    with pytest.raises(InvalidImageError):
        decode_image(encoded[:4] + b"\x00" * 400)


def test_bytes_after_the_end_are_still_accepted(astronaut_rgb: NDArray[np.uint8]) -> None:
    encoded = jpeg(astronaut_rgb)
    padded = encoded + b"\x00" * 64  # cameras append previews
    np.testing.assert_array_equal(decode_image(padded), by_pillow(encoded))
