"""Pixels in memory as an image file: PNG, lossless, at its fastest setting.

PNG and not BMP: every server limits the bytes of a file, and BMP would reach the limit at 7 megapixels.
"""

from __future__ import annotations

import io
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wrinkle_core.contract import DEFAULT_MAX_PIXELS
from wrinkle_core.decode import MAX_SIDE_PX, upright_rgb
from wrinkle_core.errors import EmptyImageError, ImageTooLargeError, InvalidImageError, InvalidParameterError

__all__ = ["encode_array", "encode_image"]

_FASTEST: Final = 1


def encode_array(array: NDArray[np.uint8]) -> bytes:
    """Return an array as a PNG file.

    Args:
        array: (H, W, 3) RGB or (H, W) grey, uint8 in [0, 255], upright.

    Raises:
        InvalidParameterError: Another shape or dtype.
        EmptyImageError: No pixels.
        ImageTooLargeError: More pixels than any server takes.
    """
    rgb_or_grey = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)
    if array.dtype != np.uint8 or not rgb_or_grey:
        raise InvalidParameterError(
            f"The photograph is an array of {array.dtype} {array.shape}, expected uint8 (H, W, 3) in RGB order, or "
            "(H, W). From OpenCV: array[..., ::-1]. From floats in [0, 1]: (array * 255).round().astype('uint8')."
        )
    _require_size((array.shape[1], array.shape[0]))
    return _png(Image.fromarray(np.ascontiguousarray(array)))


def encode_image(image: Image.Image) -> bytes:
    """Return a Pillow image as a PNG file, turned upright as its EXIF orientation says, like the file it came from.

    Raises:
        InvalidImageError: It cannot be loaded, or is of a kind of pixels that is not read.
        ImageTooLargeError: More pixels than any server takes.
    """
    _require_size(image.size)
    try:
        image.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise InvalidImageError("The Pillow image cannot be loaded: its file is damaged or closed.") from error
    return _png(Image.fromarray(upright_rgb(image)))


def _require_size(size: tuple[int, int]) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise EmptyImageError("The photograph has no pixels.")
    if width * height > DEFAULT_MAX_PIXELS or max(width, height) > MAX_SIDE_PX:
        raise ImageTooLargeError(
            f"The photograph is {width}x{height} pixels, the limit is {DEFAULT_MAX_PIXELS} pixels and {MAX_SIDE_PX} a "
            "side; scale it down."
        )


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=_FASTEST)
    return buffer.getvalue()
