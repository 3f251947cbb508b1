"""Opening an image file: its header is read and every limit checked, nothing is decoded.

Order of the checks: format by its first bytes, pixel count *from the header*, what else the format can hide. A decoder
is chosen by the format alone and called directly: Pillow's ``Image.open`` would also try plug-ins that others
registered, and reports its own pixel limit by a process-wide warning. Nothing global is read or changed, and the first
picture of a multi-page TIFF or of a phone's multi-picture JPEG is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Final

from PIL import Image
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
)
from wrinkle_core.image_format import SEND_INSTEAD, ImageFormat, jpeg_scans, webp_size

__all__ = ["MAX_JPEG_SCANS", "MAX_SIDE_PX", "DecodeLimits", "opened"]

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


def opened(encoded: bytes, kind: ImageFormat, limits: DecodeLimits) -> Image.Image:
    """Return the picture, its header read.

    Raises:
        EmptyImageError: No pixels.
        ImageTooLargeError: Over a limit.
        AnimatedImageError: An animation.
        UnsupportedFormatError: A format or kind of pixels that is not read.
        TruncatedImageError: The file ends too early.
        InvalidImageError: Damaged in a way that we look for; whatever else a decoder raises is the caller's to type.
    """
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
    return image


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
