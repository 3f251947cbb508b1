"""From the bytes of an image file to upright RGB pixels, within bounds.

Order of the checks: encoded size, header (image_header.py), decoding, orientation. Pixels are decoded when they are
asked for, all of them or fewer: what the service needs of a large JPEG is a fraction of its pixels.

Whatever a decoder raises on hostile bytes becomes an error of errors.py here, at the one border where bytes enter.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from wrinkle_core.errors import ImageTooLargeError, InvalidImageError, TruncatedImageError, WrinkleError
from wrinkle_core.image_format import SEND_INSTEAD, ImageFormat, image_format
from wrinkle_core.image_header import MAX_JPEG_SCANS, MAX_SIDE_PX, DecodeLimits, opened
from wrinkle_core.jpeg_pixels import Reduction, jpeg_rgb
from wrinkle_core.pixel_format import to_rgb

__all__ = [
    "MAX_JPEG_SCANS",
    "MAX_SIDE_PX",
    "DecodeLimits",
    "Photograph",
    "ReducedPixels",
    "decode_image",
    "upright_rgb",
]

_END_MARKERS: Final[dict[ImageFormat, bytes]] = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}
_TAIL_BYTES: Final = 1024
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS: Final = (5, 6, 7, 8)  # orientations that exchange width and height
# What Pillow, libheif and struct say when they ran out of bytes; they have no exception type for it.
_RAN_OUT: Final = ("truncat", "broken data stream", "end of file", "requires a buffer", "but only got")


@dataclass(frozen=True, slots=True, eq=False)
class ReducedPixels:
    """A photograph decoded at a fraction of its size, or with all of its pixels (reduction 1).

    Attributes:
        rgb: (ceil(H / reduction), ceil(W / reduction), 3) uint8 RGB, upright, read-only.
        reduction: Side in photograph pixels of the square that a pixel stands for.
        width_px: W, of the upright photograph.
        height_px: H, of the upright photograph.
    """

    rgb: NDArray[np.uint8]
    reduction: Reduction
    width_px: int
    height_px: int

    @property
    def to_photo(self) -> NDArray[np.float64]:
        """Return the (3, 3) matrix from these pixels' centres to the photograph's."""
        offset = (self.reduction - 1) / 2.0
        return np.array([[self.reduction, 0.0, offset], [0.0, self.reduction, offset], [0.0, 0.0, 1.0]])


def decode_image(data: bytes | memoryview, limits: DecodeLimits | None = None) -> NDArray[np.uint8]:
    """Return the pixels of one photograph.

    Args:
        data: An encoded JPEG, PNG, WebP, BMP or TIFF file, or HEIF when the ``heic`` extra is installed.
        limits: Bounds on file and pixels; checked before anything is decoded.

    Returns:
        (H, W, 3) uint8 RGB, C-contiguous and read-only, EXIF orientation applied. pixel_format.py says how grey,
        16-bit, CMYK and transparent pixels become RGB.

    Raises:
        EmptyImageError: No bytes or no pixels.
        ImageTooLargeError: Over a limit.
        AnimatedImageError: An animation.
        UnsupportedFormatError: A format or kind of pixels that is not read.
        TruncatedImageError: The file ends too early.
        InvalidImageError: Damaged, or no image.
    """
    return Photograph(data, limits).rgb()


class Photograph:
    """One encoded photograph: its header is read and checked, its pixels are decoded when they are asked for."""

    def __init__(self, data: bytes | memoryview, limits: DecodeLimits | None = None) -> None:
        """Read the header; arguments and errors are those of ``decode_image``."""
        limits = limits or DecodeLimits()
        if len(data) > limits.max_encoded_bytes:
            raise ImageTooLargeError(
                f"The file has {len(data)} bytes, the limit is {limits.max_encoded_bytes}; "
                "send a smaller or more compressed photograph."
            )
        self._encoded = bytes(data)
        self._kind = image_format(self._encoded)
        with self._typed_errors():
            self._image = opened(self._encoded, self._kind, limits)

    @property
    def shorter_side_px(self) -> int:
        """Return the shorter of width and height."""
        return min(self._image.size)

    def rgb(self) -> NDArray[np.uint8]:
        """Return the pixels; see ``decode_image``."""
        with self._typed_errors():
            rgb = self._stored_rgb(1)
            if rgb is None:
                self._image.load()
                rgb = to_rgb(self._image)
            return _read_only(_upright(rgb, _orientation(self._image)))

    def reduced(self, reduction: Reduction) -> ReducedPixels | None:
        """Return fewer pixels in less time, None where that is not possible: not every file can, see jpeg_pixels.py."""
        with self._typed_errors():
            orientation = _orientation(self._image)
            if orientation in _TURNS and any(side % reduction for side in self._image.size):
                return None  # its first pixels would stand for less than a square
            rgb = self._stored_rgb(reduction)
            if rgb is None:
                return None
            width, height = self._image.size if orientation not in _SIDEWAYS else reversed(self._image.size)
            return ReducedPixels(_read_only(_upright(rgb, orientation)), reduction, width, height)

    def _stored_rgb(self, reduction: Reduction) -> NDArray[np.uint8] | None:
        if self._kind == "JPEG" and self._image.mode == "RGB":
            return jpeg_rgb(self._encoded, self._image.size, reduction)
        return None

    @contextmanager
    def _typed_errors(self) -> Iterator[None]:
        kind = self._kind
        try:
            yield
        except WrinkleError:
            raise
        except (MemoryError, Image.DecompressionBombError) as error:
            raise ImageTooLargeError(f"The {kind} file needs too much memory; send a smaller photograph.") from error
        except Exception as error:  # struct.error, SyntaxError, ValueError, OSError, SystemError and more
            has_end = kind in _END_MARKERS and _END_MARKERS[kind] in self._encoded[-_TAIL_BYTES:]
            if not has_end and any(words in str(error).lower() for words in _RAN_OUT):
                raise TruncatedImageError(
                    f"The {kind} file ends before its image does; send the whole file."
                ) from error
            raise InvalidImageError(f"The {kind} file is damaged; {SEND_INSTEAD}.") from error


def upright_rgb(image: Image.Image) -> NDArray[np.uint8]:
    """Return a loaded picture's pixels, (H, W, 3) uint8 RGB, turned as its EXIF orientation says.

    Raises:
        UnsupportedFormatError: A kind of pixels that is not read.
    """
    return _upright(to_rgb(image), _orientation(image))


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 when there is none that can be read.

    A damaged EXIF block is no reason to refuse a photograph. TIFF and HEIF are upright once decoded and say so.
    """
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:
        return 1
    return value if isinstance(value, int) else 1


def _upright(rgb: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Return ``rgb`` turned and mirrored as EXIF 2.32, tag 0x0112, says; values outside 2 to 8 mean upright."""
    turn = _TURNS.get(orientation)
    return rgb if turn is None else np.asarray(Image.fromarray(rgb).transpose(turn))


def _read_only(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rgb.flags.writeable = False
    return rgb
