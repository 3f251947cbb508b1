"""Small copies of a run's pictures, so that a page with a thousand of them opens at once."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from wrinkle_client.result_forms.saving import write_atomically
from wrinkle_core.contract import DEFAULT_MAX_PIXELS
from wrinkle_core.decode import decode_image

__all__ = ["LARGE_PX", "SMALL_PX", "shrink_photograph", "shrink_result"]

SMALL_PX: Final = 480
LARGE_PX: Final = 1600
_MAX_PICTURE_PIXELS: Final = 3 * DEFAULT_MAX_PIXELS  # side by side are two, and the space between them


def shrink_result(picture: Path, small: Path) -> None:
    """Write a copy of one of our own PNG files, its longer side ``SMALL_PX`` at most; a copy that is newer stays.

    Raises:
        OSError: The file is gone, or no PNG that can be read.
    """
    if _is_newer(small, picture):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(picture, formats=("PNG",)) as image:
            if image.width * image.height > _MAX_PICTURE_PIXELS:
                raise OSError(f"{picture.name} has too many pixels.")
            _write(image.convert("L" if image.mode in ("1", "L") else "RGB"), small, SMALL_PX)


def shrink_photograph(photograph: Path, small: Path, large: Path) -> None:
    """Write two copies of a photograph, upright and without metadata; copies that are newer stay.

    Raises:
        WrinkleError: It cannot be read as a photograph.
        OSError: The file is gone.
    """
    if _is_newer(small, photograph) and _is_newer(large, photograph):
        return
    image = Image.fromarray(np.asarray(decode_image(photograph.read_bytes())))
    _write(image, large, LARGE_PX)
    _write(image, small, SMALL_PX)


def _write(image: Image.Image, target: Path, longer_side_px: int) -> None:
    copy = image.copy()
    copy.thumbnail((longer_side_px, longer_side_px), Image.Resampling.LANCZOS, reducing_gap=2.0)
    encoded = io.BytesIO()
    copy.save(encoded, "WEBP", quality=82, method=2)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(target, encoded.getvalue())


def _is_newer(copy: Path, original: Path) -> bool:
    changed_ns = os.stat(original).st_mtime_ns
    try:
        return copy.stat().st_mtime_ns >= changed_ns
    except OSError:
        return False
