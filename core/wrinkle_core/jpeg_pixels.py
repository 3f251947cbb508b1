"""Pixels of an ordinary JPEG, straight from libjpeg-turbo into the array that is handed on.

Pillow decodes with the same library into memory of its own and copies it out in pieces, which for a photograph of 12
megapixels takes longer than decoding it. The numbers are the same, bit for bit.

Whatever libjpeg-turbo so much as warns of is left to Pillow, as are grey and CMYK: what is accepted, what is refused
and with which error does not depend on this file. Without the package ``simplejpeg`` Pillow decodes everything.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["jpeg_rgb"]

_AVAILABLE: Final = find_spec("simplejpeg") is not None  # the bare client has none


def jpeg_rgb(encoded: bytes, size: tuple[int, int]) -> NDArray[np.uint8] | None:
    """Return the pixels of a three-channel JPEG as stored, EXIF orientation not applied.

    Args:
        encoded: The file; its size in pixels was checked before.
        size: Width and height that its header told.

    Returns:
        (H, W, 3) uint8 RGB, C-contiguous; None when Pillow is to decode it.
    """
    if not _AVAILABLE:
        return None
    import simplejpeg

    try:
        pixels = np.asarray(simplejpeg.decode_jpeg(encoded, "RGB", fastdct=False, fastupsample=False, strict=True))
    except ValueError:  # any complaint of the library
        return None
    return pixels if pixels.shape == (size[1], size[0], 3) else None
