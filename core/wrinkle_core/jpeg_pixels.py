"""Pixels of an ordinary JPEG, straight from libjpeg-turbo into the array that is handed on.

Pillow decodes with the same library into memory of its own and copies it out in pieces, which for a photograph of 12
megapixels takes longer than decoding it. The numbers are the same, bit for bit.

It can also be asked for fewer pixels: the inverse transform then gives each 8 x 8 block as 4 x 4 or 2 x 2, as if pixels
had been averaged. All of the file is read either way, so it complains of the same files.

Whatever libjpeg-turbo so much as warns of is left to Pillow, as are grey and CMYK: what is accepted, what is refused
and with which error does not depend on this file. Without the package ``simplejpeg`` Pillow decodes everything.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Reduction", "jpeg_rgb"]

Reduction: TypeAlias = Literal[1, 2, 4]  # what libjpeg-turbo has vector code for

_AVAILABLE: Final = find_spec("simplejpeg") is not None  # the bare client has none


def jpeg_rgb(encoded: bytes, size: tuple[int, int], reduction: Reduction = 1) -> NDArray[np.uint8] | None:
    """Return the pixels of a three-channel JPEG as stored, EXIF orientation not applied.

    Args:
        encoded: The file; its size in pixels was checked before.
        size: Width and height that its header told.
        reduction: Side of the square of stored pixels that one pixel of the result stands for.

    Returns:
        (ceil(H / reduction), ceil(W / reduction), 3) uint8 RGB, C-contiguous; None when Pillow is to decode it.
    """
    if not _AVAILABLE:
        return None
    import simplejpeg

    width, height = (-(-side // reduction) for side in size)
    try:
        pixels = np.asarray(
            simplejpeg.decode_jpeg(
                encoded,
                "RGB",
                fastdct=False,
                fastupsample=False,
                min_height=height if reduction > 1 else 0,
                min_width=width if reduction > 1 else 0,
                strict=True,
            )
        )
    except ValueError:  # any complaint of the library
        return None
    return pixels if pixels.shape == (height, width, 3) else None
