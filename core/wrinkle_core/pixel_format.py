"""From whatever pixels a file holds to 8-bit RGB.

| file has | becomes |
|---|---|
| grey, 1-bit, palette, CMYK (Adobe's inverted too), YCbCr | RGB by Pillow's conversion, without colour profiles |
| alpha or a transparent colour | laid over mid grey, ``NEUTRAL_RGB`` |
| integer grey of more than 8 bits | scaled so that the format's largest value is 255; negative values are 0 |
| float grey | [0, 1] is black to white, clipped; what is not a number is black |
| 16-bit colour | its high byte, by Pillow |
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wrinkle_core.errors import UnsupportedFormatError

__all__ = ["NEUTRAL_RGB", "to_rgb"]

NEUTRAL_RGB: Final = (128, 128, 128)

_PLAIN: Final = frozenset({"1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr"})
_WITH_ALPHA: Final = frozenset({"LA", "PA", "La", "RGBA", "RGBa"})
_BITS_PER_SAMPLE: Final = 258  # TIFF 6.0 tags
_SAMPLE_FORMAT: Final = 339
_SIGNED: Final = 2


def to_rgb(image: Image.Image) -> NDArray[np.uint8]:
    """Return the pixels of a loaded image as (H, W, 3) uint8 RGB, C-contiguous.

    Raises:
        UnsupportedFormatError: A pixel format without a conversion, such as Lab.
    """
    mode = image.mode
    if mode in _WITH_ALPHA or (mode in _PLAIN and "transparency" in image.info):
        return _over_neutral(image.convert("RGBA"))
    if mode == "RGB":
        return np.asarray(image)
    if mode in _PLAIN:
        return np.asarray(image.convert("RGB"))
    if mode == "F" or mode.startswith("I"):
        return np.repeat(_eight_bit(image)[..., np.newaxis], 3, axis=2)
    raise UnsupportedFormatError(f"Pixels of the kind {mode[:10]} are not read; send an RGB or grey photograph.")


def _over_neutral(rgba: Image.Image) -> NDArray[np.uint8]:
    canvas = Image.new("RGBA", rgba.size, (*NEUTRAL_RGB, 255))
    return np.asarray(Image.alpha_composite(canvas, rgba).convert("RGB"))


def _eight_bit(image: Image.Image) -> NDArray[np.uint8]:
    """Return (H, W) uint8 from grey of more than 8 bits."""
    values = np.asarray(image)
    if image.mode == "F":
        return _quantised(np.nan_to_num(values, nan=0.0) * 255.0)
    bits, signed = 16, False
    if image.mode == "I":
        tags = getattr(image, "tag_v2", {})
        bits = int(max(tags.get(_BITS_PER_SAMPLE, (32,))))
        signed = max(tags.get(_SAMPLE_FORMAT, (1,))) == _SIGNED
        if bits == 32 and not signed:
            values = values.view(np.uint32)
    return _quantised(values * (255.0 / (2 ** (bits - signed) - 1)))


def _quantised(values: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    rounded: NDArray[np.uint8] = np.rint(np.clip(values, 0.0, 255.0)).astype(np.uint8)
    return rounded
