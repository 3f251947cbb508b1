from __future__ import annotations

import io
import struct
import sys
import time
import tracemalloc
import zlib
from typing import Any

import numpy as np
import pillow_heif
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps

from wrinkle_core.decode import MAX_JPEG_SCANS, MAX_SIDE_PX, DecodeLimits, decode_image
from wrinkle_core.errors import (
    AnimatedImageError,
    ContractError,
    EmptyImageError,
    ImageTooLargeError,
    InvalidImageError,
    TruncatedImageError,
    UnsupportedFormatError,
    WrinkleError,
)
from wrinkle_core.pixel_format import NEUTRAL_RGB


def encoded(image: Image.Image, file_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def heif(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, quality=95, **options)
    return buffer.getvalue()


def colours(width: int = 48, height: int = 32) -> Image.Image:
    """Return a smooth picture whose four corners all differ."""
    y, x = np.mgrid[0:height, 0:width]
    planes = (x * 255 // width, y * 255 // height, 255 - (x + y) * 255 // (width + height))
    return Image.fromarray(np.stack(planes, axis=-1).astype(np.uint8))


PHOTO = colours()
RGB = np.asarray(PHOTO)
FILES = {
    "jpeg": encoded(PHOTO, "JPEG", quality=95),
    "progressive jpeg": encoded(PHOTO, "JPEG", progressive=True),
    "png": encoded(PHOTO, "PNG"),
    "webp": encoded(PHOTO, "WEBP", quality=95),
    "lossless webp": encoded(PHOTO, "WEBP", lossless=True),
    "bmp": encoded(PHOTO, "BMP"),
    "tiff": encoded(PHOTO, "TIFF"),
    "lzw tiff": encoded(PHOTO, "TIFF", compression="tiff_lzw"),
    "big tiff": encoded(PHOTO, "TIFF", big_tiff=True),
    "heif": heif(PHOTO),
}
LOSSLESS = ("png", "lossless webp", "bmp", "tiff", "lzw tiff", "big tiff")


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


def test_heic_without_the_optional_decoder_says_what_to_install_or_send(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)

    with pytest.raises(UnsupportedFormatError, match=r"wrinkle-serving\[heic\].*as JPEG"):
        decode_image(FILES["heif"])


def test_a_heic_over_the_pixel_limit_is_refused() -> None:
    with pytest.raises(ImageTooLargeError, match="48x32"):
        decode_image(FILES["heif"], DecodeLimits(max_pixels=1000))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0" + b"\xff" * 40])
def test_a_damaged_exif_block_leaves_the_photograph_as_it_is(exif: bytes) -> None:
    assert decode_image(encoded(PHOTO, "JPEG", exif=exif)).shape == RGB.shape


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_exif_does_not_define_means_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation

    np.testing.assert_array_equal(decode_image(encoded(PHOTO, "PNG", exif=exif)), RGB)


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


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP"])
def test_an_animation_is_refused(file_format: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue", "green")]
    data = encoded(frames[0], file_format, save_all=True, append_images=frames[1:], duration=50)

    with pytest.raises(AnimatedImageError, match="single photograph"):
        decode_image(data)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (encoded(PHOTO, "GIF"), "GIF"),
        (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"\xef\xbb\xbf  <?xml version='1.0'?><svg/>", "SVG"),
        (b"<!DOCTYPE html><html></html>", "HTML"),
        (encoded(PHOTO, "AVIF"), "AVIF"),
        (encoded(PHOTO, "JPEG2000"), "JPEG 2000"),
        (encoded(PHOTO, "ICO"), "ICO"),
        (b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41", "video"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "audio"),
        (b"PK\x03\x04\x14\0\0\0", "ZIP"),
        (b"II*\0\x10\0\0\0CR\x02\0" + bytes(99), "raw"),
    ],
)
def test_known_formats_that_are_not_read_are_named_with_what_to_send(data: bytes, name: str) -> None:
    with pytest.raises(UnsupportedFormatError, match=f"{name}.*send a JPEG, PNG, WebP"):
        decode_image(data)


def test_no_bytes_are_an_empty_image() -> None:
    with pytest.raises(EmptyImageError, match="empty; send a JPEG"):
        decode_image(b"")


@pytest.mark.parametrize("name", FILES)
def test_a_cut_file_is_called_truncated(name: str) -> None:
    with pytest.raises(TruncatedImageError, match="send"):
        decode_image(FILES[name][: len(FILES[name]) * 2 // 3])


def test_a_damaged_but_complete_png_is_not_called_truncated() -> None:
    data = bytearray(FILES["png"])
    data[data.index(b"IDAT") + 12] ^= 0xFF

    with pytest.raises(InvalidImageError) as caught:
        decode_image(bytes(data))
    assert type(caught.value) is InvalidImageError


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


MAGICS = [data[:length] for data in FILES.values() for length in (0, 4, 12, 40)]


@given(start=st.sampled_from(MAGICS), rest=st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
@example(start=b"", rest=b"\x89PNG")
@example(start=b"RIFF", rest=b"")
def test_random_bytes_only_ever_raise_typed_errors(start: bytes, rest: bytes) -> None:
    with pytest.raises(WrinkleError) as caught:
        decode_image(start + rest)
    assert "send" in str(caught.value)


@given(name=st.sampled_from(sorted(FILES)), data=st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_files_decode_or_raise_typed_errors(name: str, data: st.DataObject) -> None:
    damaged = bytearray(FILES[name])
    for _ in range(data.draw(st.integers(1, 8), label="flips")):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    cut = data.draw(st.integers(0, len(damaged)) | st.just(len(damaged)), label="cut")
    outcome: NDArray[np.uint8] | str
    try:
        outcome = decode_image(bytes(damaged[:cut]), DecodeLimits(max_pixels=1_000_000))
    except WrinkleError as error:
        outcome = str(error)
    assert "send" in outcome or "save" in outcome if isinstance(outcome, str) else outcome.ndim == 3
