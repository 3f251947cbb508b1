"""Hostile image files made from real ones: each index of a seed gives the same file on every machine.

Sources of the layouts that are lied about: ITU-T T.81 (JPEG), W3C PNG, Google's WebP container, Microsoft's
BITMAPINFOHEADER, TIFF 6.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from encoded_images import encoded, heif

__all__ = ["hostile_file", "real_files"]

Random = np.random.Generator
_EXTREMES: Final = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_MAGICS: Final = (
    b"\xff\xd8\xff\xe0",
    b"\x89PNG\r\n\x1a\n",
    b"BM",
    b"II*\0\x08\0\0\0",
    b"MM\0*\0\0\0\x08",
    b"RIFF\xff\xff\0\0WEBPVP8X",
    b"\0\0\0\x18ftypheic",
    b"GIF89a",
)


def real_files(photos: Mapping[str, NDArray[np.uint8]]) -> dict[str, bytes]:
    """Return each photograph in every format and kind of pixels that is read."""
    files: dict[str, bytes] = {}
    for name, rgb in photos.items():
        photo = Image.fromarray(rgb)
        turned = Image.Exif()
        turned[0x0112] = 6
        deep = np.asarray(photo.convert("L")).astype(np.uint16) * np.uint16(257)
        files |= {
            f"{name} jpeg": encoded(photo, "JPEG", quality=90),
            f"{name} progressive jpeg": encoded(photo, "JPEG", quality=80, progressive=True),
            f"{name} cmyk jpeg": encoded(photo.convert("CMYK"), "JPEG", quality=85),
            f"{name} grey jpeg": encoded(photo.convert("L"), "JPEG"),
            f"{name} turned jpeg": encoded(photo.rotate(90, expand=True), "JPEG", exif=turned),
            f"{name} png": encoded(photo, "PNG", compress_level=1),
            f"{name} transparent png": encoded(_with_alpha(photo), "PNG", compress_level=1),
            f"{name} palette png": encoded(photo.quantize(64), "PNG"),
            f"{name} 16-bit png": encoded(Image.fromarray(deep), "PNG", compress_level=1),
            f"{name} webp": encoded(photo, "WEBP", quality=80),
            f"{name} transparent webp": encoded(_with_alpha(photo), "WEBP", quality=80),
            f"{name} lossless webp": encoded(photo, "WEBP", lossless=True, method=0),
            f"{name} bmp": encoded(photo, "BMP"),
            f"{name} tiff": encoded(photo, "TIFF"),
            f"{name} lzw tiff": encoded(photo, "TIFF", compression="tiff_lzw"),
            f"{name} jpeg tiff": encoded(photo, "TIFF", compression="jpeg"),
            f"{name} 16-bit tiff": encoded(Image.fromarray(deep), "TIFF"),
            f"{name} big tiff": encoded(photo, "TIFF", big_tiff=True),
            f"{name} heif": heif(photo),
        }
    return files


def hostile_file(files: Mapping[str, bytes], seed: int, index: int) -> tuple[str, bytes]:
    """Return what was done and the file that came of it; one in eight is left whole."""
    random = np.random.default_rng((seed, index))
    name = list(files)[int(random.integers(len(files)))]
    how = _MUTATIONS[int(random.integers(len(_MUTATIONS)))]
    if index % 8 == 0:
        return f"whole {name}", files[name]
    return f"{how.__name__.strip('_')} {name}", how(files[name], files, random)


def _with_alpha(photo: Image.Image) -> Image.Image:
    opaque = photo.convert("RGBA")
    opaque.putalpha(Image.linear_gradient("L").resize(photo.size))
    return opaque


def _truncated(data: bytes, _files: Mapping[str, bytes], random: Random) -> bytes:
    return data[: int(random.integers(len(data)))]


def _flipped_bits(data: bytes, _files: Mapping[str, bytes], random: Random) -> bytes:
    damaged = bytearray(data)
    for at in random.integers(len(data), size=int(random.integers(1, 65))):
        damaged[at] ^= 1 << int(random.integers(8))
    return bytes(damaged)


def _flipped_header_bits(data: bytes, _files: Mapping[str, bytes], random: Random) -> bytes:
    damaged = bytearray(data)
    for at in random.integers(min(len(data), 200), size=int(random.integers(1, 9))):
        damaged[at] ^= 1 << int(random.integers(8))
    return bytes(damaged)


def _overwritten(data: bytes, _files: Mapping[str, bytes], random: Random) -> bytes:
    at, length = int(random.integers(len(data))), int(random.integers(1, 4096))
    filling = (bytes(length), b"\xff" * length, random.bytes(length))[int(random.integers(3))]
    return data[:at] + filling + data[at + length :]


def _removed_or_doubled(data: bytes, _files: Mapping[str, bytes], random: Random) -> bytes:
    at, length = int(random.integers(len(data))), int(random.integers(1, 4096))
    part = data[at : at + length]
    return data[:at] + (part + part if random.integers(2) else b"") + data[at + length :]


def _spliced(data: bytes, files: Mapping[str, bytes], random: Random) -> bytes:
    other = list(files.values())[int(random.integers(len(files)))]
    return data[: int(random.integers(len(data)))] + other[int(random.integers(len(other))) :]


def _lying_about_size(data: bytes, _files: Mapping[str, bytes], random: Random) -> bytes:
    """Put an extreme number where the format keeps its width or height."""
    number = _EXTREMES[int(random.integers(len(_EXTREMES)))]
    which = int(random.integers(2))
    if data[:4] == b"\x89PNG":
        return _with_png_header_size(data, which, number)
    if data[:2] == b"BM":
        return _put(data, 18 + 4 * which, struct.pack("<I", number))
    if data[:4] == b"RIFF":
        return _put(data, (24 if data[12:16] == b"VP8X" else 26) + 3 * which, struct.pack("<I", number)[:3])
    if data[:2] == b"\xff\xd8":
        at = max(data.find(marker) for marker in (b"\xff\xc0", b"\xff\xc2"))
        return _put(data, at + 5 + 2 * which, struct.pack(">H", number & 0xFFFF)) if at >= 0 else data
    return _put_in_tiff_directory(data, number, random)


def _lying_about_length(data: bytes, _files: Mapping[str, bytes], random: Random) -> bytes:
    """Put an extreme number where the format keeps the length of a part."""
    number = _EXTREMES[int(random.integers(len(_EXTREMES)))]
    if data[:4] == b"\x89PNG":
        chunks = [at for kind in (b"IHDR", b"IDAT", b"PLTE", b"IEND") if (at := data.find(kind)) >= 0]
        return _put(data, chunks[int(random.integers(len(chunks)))] - 4, struct.pack(">I", number))
    if data[:4] == b"RIFF":
        return _put(data, (4, 16)[int(random.integers(2))], struct.pack("<I", number))
    if data[:2] == b"\xff\xd8":
        segments = [at for at in range(2, min(len(data), 2000)) if data[at] == 0xFF and data[at + 1] >= 0xC0]
        at = segments[int(random.integers(len(segments)))]
        return _put(data, at + 2, struct.pack(">H", number & 0xFFFF))
    if data[:2] == b"BM":
        return _put(data, (2, 10, 14, 34, 46)[int(random.integers(5))], struct.pack("<I", number))
    if data[4:8] == b"ftyp":
        return _put(data, int(random.integers(min(len(data), 400))), struct.pack(">I", number))
    return _put_in_tiff_directory(data, number, random)


def _bomb(_data: bytes, _files: Mapping[str, bytes], random: Random) -> bytes:
    """Return a small file that asks for much."""
    return _BOMBS[int(random.integers(len(_BOMBS)))]()


def _polyglot(data: bytes, files: Mapping[str, bytes], random: Random) -> bytes:
    """Return a file that is two things at once."""
    other = list(files.values())[int(random.integers(len(files)))]
    archive = b"PK\x03\x04" + bytes(26) + b"PK\x05\x06" + bytes(18)
    script = b"<script>alert(1)</script><?php system($_GET[0]); ?>"
    kinds = (
        data + archive,
        data + other,
        b"%PDF-1.7\n" + data,
        b"GIF89a" + data,
        b"<svg xmlns='http://www.w3.org/2000/svg'>" + data,
        data[:2] + b"\xff\xfe" + struct.pack(">H", len(script) + 2) + script + data[2:],
        data + script,
        b"\xef\xbb\xbf" + data,
    )
    return kinds[int(random.integers(len(kinds)))]


def _random_bytes(_data: bytes, _files: Mapping[str, bytes], random: Random) -> bytes:
    magic = (*_MAGICS, b"")[int(random.integers(len(_MAGICS) + 1))]
    return magic + random.bytes(int(random.integers(20_000)))


_MUTATIONS: Final[tuple[Callable[[bytes, Mapping[str, bytes], Random], bytes], ...]] = (
    _truncated,
    _flipped_bits,
    _flipped_header_bits,
    _overwritten,
    _removed_or_doubled,
    _spliced,
    _lying_about_size,
    _lying_about_length,
    _bomb,
    _polyglot,
    _random_bytes,
)


def _put(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _with_png_header_size(data: bytes, which: int, number: int) -> bytes:
    """Return a PNG whose IHDR lies and whose check sum does not."""
    body = _put(data[16:29], 4 * which, struct.pack(">I", number))
    return data[:8] + _png_chunk(b"IHDR", body) + data[33:]


def _put_in_tiff_directory(data: bytes, number: int, random: Random) -> bytes:
    if data[:3] not in (b"II*", b"MM\0"):
        return _put(data, int(random.integers(8, 64)), struct.pack("<I", number))
    order = "<" if data[:1] == b"I" else ">"
    directory = int(struct.unpack(order + "I", data[4:8])[0])
    entries = int(struct.unpack(order + "H", data[directory : directory + 2])[0])
    entry = directory + 2 + 12 * int(random.integers(entries))
    return _put(data, entry + (0, 4, 8)[int(random.integers(3))], struct.pack(order + "I", number))


@cache
def _huge_blank_png() -> bytes:
    return encoded(Image.new("1", (20_000, 20_000)), "PNG")


@cache
def _largest_blank_jpeg() -> bytes:
    """Just under the limit on pixels: it is decoded, and searched for a face in every look."""
    return encoded(Image.new("L", (6_300, 6_300), 128), "JPEG", quality=10)


@cache
def _png_with_text_bomb() -> bytes:
    plain = encoded(Image.new("RGB", (64, 64)), "PNG")
    text = zlib.compress(bytes(64 * 1024 * 1024), 9)
    return plain[:33] + _png_chunk(b"zTXt", b"Comment\0\0" + text) + plain[33:]


@cache
def _png_with_profile_bomb() -> bytes:
    plain = encoded(Image.new("RGB", (64, 64)), "PNG")
    return plain[:33] + _png_chunk(b"iCCP", b"bomb\0\0" + zlib.compress(bytes(64 * 1024 * 1024), 9)) + plain[33:]


@cache
def _png_with_endless_pixels() -> bytes:
    plain = encoded(Image.new("L", (64, 64)), "PNG")
    at = plain.index(b"IDAT") - 4
    return plain[:at] + _png_chunk(b"IDAT", zlib.compress(bytes(64 * 1024 * 1024), 9)) + _png_chunk(b"IEND", b"")


@cache
def _jpeg_with_many_scans() -> bytes:
    plain = encoded(Image.new("L", (2_000, 2_000)), "JPEG", progressive=True)
    start = plain.rindex(b"\xff\xda")
    return plain[:start] + plain[start:-2] * 3_000 + b"\xff\xd9"


@cache
def _tiff_of_huge_tiles() -> bytes:
    tags = ((256, 64), (257, 64), (258, 8), (259, 1), (262, 1), (322, 65_520), (323, 65_520), (324, 8), (325, 64))
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<I", 72) + bytes(64) + struct.pack("<H", len(tags)) + entries + bytes(4)


_BOMBS: Final = (
    _huge_blank_png,
    _largest_blank_jpeg,
    _png_with_text_bomb,
    _png_with_profile_bomb,
    _png_with_endless_pixels,
    _jpeg_with_many_scans,
    _tiff_of_huge_tiles,
)
