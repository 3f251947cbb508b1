"""From the bytes of an image file to upright RGB pixels, within bounds.

Order of the checks: encoded size, format by its first bytes, pixel count *from the header*, decoding, orientation. A
decoder is chosen by the format alone and called directly: Pillow's ``Image.open`` would also try plug-ins that others
registered, and reports its own pixel limit by a process-wide warning. Nothing global is read or changed, and the first
picture of a multi-page TIFF or of a phone's multi-picture JPEG is taken.

Whatever a decoder raises on hostile bytes becomes an error of errors.py here, at the one border where bytes enter.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from wrinkle_core.contract import DEFAULT_MAX_ENCODED_BYTES, DEFAULT_MAX_PIXELS
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
from wrinkle_core.image_format import SEND_INSTEAD, ImageFormat, image_format, jpeg_scans, webp_size
from wrinkle_core.jpeg_pixels import jpeg_rgb
from wrinkle_core.pixel_format import to_rgb

__all__ = ["MAX_JPEG_SCANS", "MAX_SIDE_PX", "DecodeLimits", "decode_image", "upright_rgb"]

MAX_SIDE_PX: Final = 32_766  # cv2.warpAffine takes sides below SHRT_MAX
MAX_JPEG_SCANS: Final = 100  # real progressive files have about ten

_DECODERS: Final[dict[ImageFormat, type[ImageFile]]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WebP": WebPImageFile,
    "BMP": BmpImageFile,
    "TIFF": TiffImageFile,
}
_TIFF_TILE_WIDTH: Final = 322
_TIFF_TILE_LENGTH: Final = 323
_DNG_VERSION: Final = 50706
_STRIP_TAGS: Final = ((273, 279), (324, 325))  # offsets and byte counts of strips, of tiles
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
# What Pillow, libheif and struct say when they ran out of bytes; they have no exception type for it.
_RAN_OUT: Final = ("truncat", "broken data stream", "end of file", "requires a buffer", "but only got")


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """How large an image may be.

    Attributes:
        max_encoded_bytes: Largest file, > 0.
        max_pixels: Most pixels, > 0; the sides are limited to ``MAX_SIDE_PX`` besides.
    """

    max_encoded_bytes: int = DEFAULT_MAX_ENCODED_BYTES
    max_pixels: int = DEFAULT_MAX_PIXELS

    def __post_init__(self) -> None:
        if self.max_encoded_bytes < 1 or self.max_pixels < 1:
            raise ContractError(f"Image limits must be above 0, got {self}.")


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
    limits = limits or DecodeLimits()
    if len(data) > limits.max_encoded_bytes:
        raise ImageTooLargeError(
            f"The file has {len(data)} bytes, the limit is {limits.max_encoded_bytes}; "
            "send a smaller or more compressed photograph."
        )
    encoded = bytes(data)
    kind = image_format(encoded)
    try:
        rgb = _decode(encoded, kind, limits)
    except WrinkleError:
        raise
    except (MemoryError, Image.DecompressionBombError) as error:
        raise ImageTooLargeError(f"The {kind} file needs too much memory; send a smaller photograph.") from error
    except Exception as error:  # decoders raise struct.error, SyntaxError, ValueError, OSError, SystemError and more
        has_end = kind in _END_MARKERS and _END_MARKERS[kind] in encoded[-_TAIL_BYTES:]
        if not has_end and any(words in str(error).lower() for words in _RAN_OUT):
            raise TruncatedImageError(f"The {kind} file ends before its image does; send the whole file.") from error
        raise InvalidImageError(f"The {kind} file is damaged; {SEND_INSTEAD}.") from error
    rgb.flags.writeable = False
    return rgb


def upright_rgb(image: Image.Image) -> NDArray[np.uint8]:
    """Return a loaded picture's pixels, (H, W, 3) uint8 RGB, turned as its EXIF orientation says.

    Raises:
        UnsupportedFormatError: A kind of pixels that is not read.
    """
    return _upright(to_rgb(image), _orientation(image))


def _decode(encoded: bytes, kind: ImageFormat, limits: DecodeLimits) -> NDArray[np.uint8]:
    if kind == "WebP":
        _require_size(webp_size(encoded), limits)
    image = _open_heif(encoded, limits) if kind == "HEIF" else _DECODERS[kind](BytesIO(encoded))
    _require_size(image.size, limits)
    if isinstance(image, PngImageFile) and getattr(image, "is_animated", False):
        raise AnimatedImageError("The PNG file is an animation; send a single photograph.")
    if isinstance(image, TiffImageFile):
        _require_plain_tiff(image, len(encoded), limits)
    if kind == "JPEG" and jpeg_scans(encoded, MAX_JPEG_SCANS) >= MAX_JPEG_SCANS:
        raise InvalidImageError(f"The JPEG has {MAX_JPEG_SCANS} scans or more; save it again as an ordinary JPEG.")
    if kind == "JPEG" and image.mode == "RGB":
        stored_rgb = jpeg_rgb(encoded, image.size)
        if stored_rgb is not None:
            return _upright(stored_rgb, _orientation(image))
    image.load()
    return upright_rgb(image)


def _require_size(size: tuple[int, int], limits: DecodeLimits) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise EmptyImageError(f"The image has no pixels; {SEND_INSTEAD}.")
    if width * height > limits.max_pixels or max(width, height) > MAX_SIDE_PX:
        raise ImageTooLargeError(
            f"The image is {width}x{height} pixels, the limit is {limits.max_pixels} pixels and {MAX_SIDE_PX} a side; "
            "send a smaller photograph."
        )


def _require_plain_tiff(image: TiffImageFile, encoded_bytes: int, limits: DecodeLimits) -> None:
    tags = image.tag_v2
    if _DNG_VERSION in tags:
        raise UnsupportedFormatError(f"Camera raw files are not read; {SEND_INSTEAD}.")
    _require_size((tags.get(_TIFF_TILE_WIDTH, 1), tags.get(_TIFF_TILE_LENGTH, 1)), limits)
    for offsets, sizes in _STRIP_TAGS:
        ends = (offset + size for offset, size in zip(tags.get(offsets, ()), tags.get(sizes, ()), strict=False))
        if max(ends, default=0) > encoded_bytes:
            raise TruncatedImageError("The TIFF file ends before its image does; send the whole file.")


def _open_heif(encoded: bytes, limits: DecodeLimits) -> Image.Image:
    try:
        import pillow_heif
    except ImportError:
        raise UnsupportedFormatError(
            "HEIC is read only where the server has the optional decoder (pip install 'wrinkle-serving[heic]'); "
            "send the photograph as JPEG."
        ) from None
    container = pillow_heif.open_heif(BytesIO(encoded), convert_hdr_to_8bit=True)
    _require_size(container.size, limits)
    image: Image.Image = container.to_pillow()
    return image


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
