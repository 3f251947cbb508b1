from __future__ import annotations

import sys

import pytest
from PIL import Image

from encoded_images import FILES, PHOTO, encoded
from wrinkle_core.decode import decode_image
from wrinkle_core.errors import (
    AnimatedImageError,
    EmptyImageError,
    InvalidImageError,
    TruncatedImageError,
    UnsupportedFormatError,
)


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


def test_heic_without_the_optional_decoder_says_what_to_install_or_send(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)

    with pytest.raises(UnsupportedFormatError, match=r"wrinkle-serving\[heic\].*as JPEG"):
        decode_image(FILES["heif"])
