"""Files that claim more than they hold, and settings that bound what is decoded."""

from __future__ import annotations

import struct
import time
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile

from encoded_images import FILES, RGB
from wrinkle_core.decode import MAX_JPEG_SCANS, MAX_SIDE_PX, DecodeLimits, decode_image
from wrinkle_core.errors import (
    ContractError,
    ImageTooLargeError,
    InvalidImageError,
)
from wrinkle_core.image_format import jpeg_scans


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_claiming(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = png_chunk(b"IDAT", zlib.compress(b"\0" * 100))
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + body + png_chunk(b"IEND", b"")


def bmp_claiming(width: int, height: int) -> bytes:
    return b"BM" + struct.pack("<IHHI", 154, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, *[0] * 6)


def jpeg_claiming(width: int, height: int) -> bytes:
    data = FILES["jpeg"]
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def webp_claiming(width: int, height: int) -> bytes:
    body = (
        b"VP8X"
        + struct.pack("<I", 10)
        + bytes(4)
        + struct.pack("<I", width - 1)[:3]
        + struct.pack("<I", height - 1)[:3]
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def tiff_with(entries: list[tuple[int, int, int, int]]) -> bytes:
    directory = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + bytes(64)


def tiff_claiming(width: int, height: int) -> bytes:
    return tiff_with(
        [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1, 8), (279, 4, 1, 9)]
    )


CLAIMING = {
    "png": png_claiming,
    "bmp": bmp_claiming,
    "jpeg": jpeg_claiming,
    "webp": webp_claiming,
    "tiff": tiff_claiming,
}


@pytest.mark.parametrize("name", CLAIMING)
def test_a_small_file_that_claims_a_huge_picture_is_refused_before_anything_is_decoded(name: str) -> None:
    data = CLAIMING[name](30_000, 30_000)
    tracemalloc.start()
    started = time.perf_counter()
    try:
        with pytest.raises(ImageTooLargeError, match="30000x30000"):
            decode_image(data)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(data) < 2_000
    assert peak_bytes < 2_000_000
    assert time.perf_counter() - started < 1.0


@pytest.mark.parametrize("name", [name for name in CLAIMING if name != "webp"])
def test_a_picture_within_the_pixel_limit_may_still_not_be_too_long(name: str) -> None:
    with pytest.raises(ImageTooLargeError, match="a side"):
        decode_image(CLAIMING[name](MAX_SIDE_PX + 1, 2))


def test_a_tiff_tile_larger_than_the_limit_is_refused() -> None:
    plain = [(256, 4, 1, 64), (257, 4, 1, 64), (258, 3, 1, 8), (259, 3, 1, 5), (262, 3, 1, 1)]
    tiled = tiff_with([*plain, (322, 4, 1, 32_000), (323, 4, 1, 32_000), (324, 4, 1, 8), (325, 4, 1, 9)])

    with pytest.raises(ImageTooLargeError):
        decode_image(tiled)


def test_a_jpeg_of_endless_scans_is_refused() -> None:
    data = FILES["progressive jpeg"]
    at = data.rindex(b"\xff\xda")
    bomb = data[:at] + data[at:-2] * (2 * MAX_JPEG_SCANS) + data[-2:]

    with pytest.raises(InvalidImageError, match="scans"):
        decode_image(bomb)


@given(pieces=st.lists(st.sampled_from([b"\xff", b"\xda", b"\0", b"\xff\xda"]), min_size=3, max_size=40))
def test_scans_fewer_than_enough_are_counted_at_even_and_odd_places(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    assert jpeg_scans(data, enough=100) == data.count(b"\xff\xda")


def test_scan_markers_in_what_follows_the_picture_do_not_count() -> None:
    assert decode_image(FILES["jpeg"] + b"\xff\xda" * (2 * MAX_JPEG_SCANS)).shape == RGB.shape


def test_limits_are_inclusive() -> None:
    data = FILES["png"]
    exact = DecodeLimits(max_encoded_bytes=len(data), max_pixels=48 * 32)

    assert decode_image(data, exact).shape == RGB.shape
    with pytest.raises(ImageTooLargeError, match="bytes"):
        decode_image(data, DecodeLimits(max_encoded_bytes=len(data) - 1))
    with pytest.raises(ImageTooLargeError, match="48x32"):
        decode_image(data, DecodeLimits(max_pixels=48 * 32 - 1))


def test_a_heic_over_the_pixel_limit_is_refused() -> None:
    with pytest.raises(ImageTooLargeError, match="48x32"):
        decode_image(FILES["heif"], DecodeLimits(max_pixels=1000))


@pytest.mark.parametrize("limits", [{"max_pixels": 0}, {"max_encoded_bytes": -1}])
def test_limits_that_allow_nothing_are_a_contract_error(limits: dict[str, int]) -> None:
    with pytest.raises(ContractError, match="above 0"):
        DecodeLimits(**limits)


def test_pictures_beyond_pillows_own_limit_are_ours_to_allow_without_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)

    np.testing.assert_array_equal(decode_image(FILES["png"]), RGB)


def test_decoding_leaves_pillows_settings_alone() -> None:
    before = (Image.MAX_IMAGE_PIXELS, sorted(Image.OPEN), ImageFile.LOAD_TRUNCATED_IMAGES)

    for data in FILES.values():
        decode_image(data)

    assert (Image.MAX_IMAGE_PIXELS, sorted(Image.OPEN), ImageFile.LOAD_TRUNCATED_IMAGES) == before
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
