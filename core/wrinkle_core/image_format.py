"""What kind of file the first bytes announce, decided before any decoder sees them.

Only JPEG, PNG, WebP, BMP, TIFF and HEIF go on to a decoder. Other formats that people send are named in the error, so
that the message can say what to do; bytes that announce nothing are no image.

Sources: each format's own specification; ISO/IEC 14496-12 for ``ftyp`` brands; Google's WebP container specification.
"""

from __future__ import annotations

import re
from typing import Final, Literal

import numpy as np

from wrinkle_core.errors import (
    AnimatedImageError,
    EmptyImageError,
    InvalidImageError,
    TruncatedImageError,
    UnsupportedFormatError,
)

__all__ = ["SEND_INSTEAD", "ImageFormat", "image_format", "jpeg_scans", "webp_size"]

ImageFormat = Literal["JPEG", "PNG", "WebP", "BMP", "TIFF", "HEIF"]

SEND_INSTEAD: Final = "send a JPEG, PNG, WebP, BMP or TIFF photograph"

_READABLE: Final[tuple[tuple[bytes, ImageFormat], ...]] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
_REFUSED: Final = (
    (b"%PDF", "PDF"),
    (b"8BPS", "Photoshop"),
    (b"\0\0\x01\0", "ICO"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"PK\x03\x04", "ZIP"),
    (b"\x1f\x8b", "gzip"),
    (b"\x1a\x45\xdf\xa3", "Matroska or WebM video"),
    (b"{\\rtf", "RTF"),
    (b"qoif", "QOI"),
    (b"FUJIFILMCCD-RAW", "camera raw"),
)
_GIF_FRAME: Final = b"\x21\xf9\x04"  # a graphic control extension precedes each frame
_MARKUP: Final = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:svg|\?xml|!doctype|html)", re.IGNORECASE)
_HEIF_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"hevc", b"hevx"})
_HEIF_SEQUENCES: Final = frozenset({b"msf1", b"hevc", b"hevx"})
_REAL_JPEG_MARKER: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_SCAN_MARKER: Final = np.frombuffer(b"\xff\xda", np.uint16)[0]


def image_format(data: bytes) -> ImageFormat:
    """Return the format that ``data`` announces.

    Raises:
        EmptyImageError: There are no bytes.
        AnimatedImageError: An animated GIF or an image sequence.
        UnsupportedFormatError: A known format that is not read.
        TruncatedImageError: The file ends before its header does.
        InvalidImageError: No format is recognised.
    """
    if not data:
        raise EmptyImageError(f"The file is empty; {SEND_INSTEAD}.")
    for magic, name in _READABLE:
        if data.startswith(magic):
            if name == "TIFF":
                _require_tiff_directory(data)
            return name
    if data[:4] == b"RIFF":
        if data[8:12] == b"WEBP" or len(data) < 12:
            return "WebP"
        raise _unsupported("RIFF audio or video")
    if data[:6] in (b"GIF87a", b"GIF89a"):
        if data.count(_GIF_FRAME) > 1:
            raise AnimatedImageError("The GIF file is an animation; send a single photograph as JPEG or PNG.")
        raise _unsupported("GIF")
    if data[4:8] == b"ftyp":
        return _iso_media(data)
    for magic, known in _REFUSED:
        if data.startswith(magic):
            raise _unsupported(known)
    if _MARKUP.match(data[:64]):
        raise _unsupported("SVG or HTML")
    if len(data) < 8 and any(magic.startswith(data) for magic, _ in _READABLE):
        raise TruncatedImageError(f"The file ends after {len(data)} bytes; {SEND_INSTEAD} in full.")
    raise InvalidImageError(f"The bytes are no image that can be recognised; {SEND_INSTEAD}.")


def webp_size(data: bytes) -> tuple[int, int]:
    """Return width and height of a WebP file from its header, before a decoder allocates the canvas.

    Raises:
        TruncatedImageError: The file is shorter than its header says.
        AnimatedImageError: It is an animation.
        InvalidImageError: The first chunk is none that starts an image.
    """
    if len(data) < 30 or int.from_bytes(data[4:8], "little") + 8 > len(data):
        raise TruncatedImageError(f"The WebP file is shorter than its header says; {SEND_INSTEAD} in full.")
    chunk = data[12:16]
    if chunk == b"VP8X":
        if data[20] & 0x02:
            raise AnimatedImageError("The WebP file is an animation; send a single photograph.")
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if chunk == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if chunk == b"VP8 ":
        return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    raise InvalidImageError(f"The WebP file is damaged; {SEND_INSTEAD}.")


def jpeg_scans(data: bytes, enough: int) -> int:
    """Return the number of scans of a JPEG's first image, counting no further than ``enough``.

    Each scan costs a pass over all pixels, however few bytes it has.

    Source: the libjpeg-turbo project's "Two Issues with the JPEG Standard", which advises limiting scans.
    """
    at_most = _scan_markers(data)
    if at_most < enough:
        return at_most
    scans, at = 0, 2
    while scans < enough and (marker := _REAL_JPEG_MARKER.search(data, at)) and data[marker.start() + 1] != 0xD9:
        at = marker.end()
        scans += data[at - 1] == 0xDA
        at += int.from_bytes(data[at : at + 2], "big")
    return scans


def _scan_markers(data: bytes) -> int:
    """Return how often the two bytes of a scan's marker occur; eight times as fast as ``bytes.count``."""
    at_even = np.frombuffer(data, np.uint16, len(data) // 2)
    at_odd = np.frombuffer(data, np.uint16, (len(data) - 1) // 2, offset=1)
    return sum(int(np.count_nonzero(pairs == _SCAN_MARKER)) for pairs in (at_even, at_odd))


def _require_tiff_directory(data: bytes) -> None:
    """Refuse a TIFF whose first directory lies beyond the end; writers put it last, so cut files lack it."""
    if data[8:10] == b"CR":
        raise _unsupported("camera raw")
    order: Literal["little", "big"] = "little" if data[:1] == b"I" else "big"
    big_tiff = 0x2B in data[2:4]
    offset = int.from_bytes(data[8:16] if big_tiff else data[4:8], order)
    if len(data) < 16 or offset + 2 > len(data):
        raise TruncatedImageError("The TIFF file ends before its image does; send the whole file.")


def _iso_media(data: bytes) -> ImageFormat:
    size = min(int.from_bytes(data[:4], "big"), 256)
    major = data[8:12]
    brands = {major} | {data[at : at + 4] for at in range(16, size, 4)}
    if brands & {b"avif", b"avis"}:
        raise _unsupported("AVIF")
    if major in _HEIF_SEQUENCES:
        raise AnimatedImageError("The HEIF file is an image sequence; send a single photograph.")
    if brands & _HEIF_BRANDS:
        return "HEIF"
    raise _unsupported("MP4 or other video")


def _unsupported(known: str) -> UnsupportedFormatError:
    return UnsupportedFormatError(f"{known} files are not read; {SEND_INSTEAD}.")
