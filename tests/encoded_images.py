"""One small picture in every format that is read."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image


def encoded(image: Image.Image, file_format: str, **options: Any) -> bytes:
    """Return ``image`` as a file."""
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def heif(image: Image.Image, **options: Any) -> bytes:
    """Return ``image`` as a HEIC file."""
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, quality=95, **options)
    return buffer.getvalue()


def colours(width: int = 48, height: int = 32) -> Image.Image:
    """Return a smooth picture whose four corners all differ."""
    y, x = np.mgrid[0:height, 0:width]
    planes = (x * 255 // width, y * 255 // height, 255 - (x + y) * 255 // (width + height))
    return Image.fromarray(np.stack(planes, axis=-1).astype(np.uint8))


PHOTO = colours()
RGB = np.asarray(PHOTO)
FILES = {
    "jpeg": encoded(PHOTO, "JPEG", quality=95),
    "progressive jpeg": encoded(PHOTO, "JPEG", progressive=True),
    "png": encoded(PHOTO, "PNG"),
    "webp": encoded(PHOTO, "WEBP", quality=95),
    "lossless webp": encoded(PHOTO, "WEBP", lossless=True),
    "bmp": encoded(PHOTO, "BMP"),
    "tiff": encoded(PHOTO, "TIFF"),
    "lzw tiff": encoded(PHOTO, "TIFF", compression="tiff_lzw"),
    "big tiff": encoded(PHOTO, "TIFF", big_tiff=True),
    "heif": heif(PHOTO),
}
LOSSLESS = ("png", "lossless webp", "bmp", "tiff", "lzw tiff", "big tiff")
