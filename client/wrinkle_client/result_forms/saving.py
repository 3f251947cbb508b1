"""Writing a result to a folder: each file is written beside its place under a temporary name, then moved there."""

from __future__ import annotations

import io
import json
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wrinkle_client.result import OverlayStyle, SavedFiles
from wrinkle_core.errors import InvalidParameterError

if TYPE_CHECKING:
    from wrinkle_client.photo import Photo
    from wrinkle_client.result import SegmentationResult

__all__ = ["levels_png", "mask_png", "save_result", "write_atomically"]


def save_result(
    result: SegmentationResult,
    directory: str | os.PathLike[str],
    stem: str,
    *,
    photo: Photo | None,
    style: OverlayStyle | None,
) -> SavedFiles:
    """Write mask, overlay, other pictures and JSON; see ``SegmentationResult.save``."""
    if not stem or stem in (".", "..") or Path(stem).name != stem or "\0" in stem:
        raise InvalidParameterError(f"stem is {stem!r}, expected a plain file name without folders.")
    overlay_rgb = None if style is None else result.overlay(photo, style=style)
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    probability = skin_mask = overlay = None
    if result.probability is not None:
        probability = write_atomically(folder / f"{stem}-probability.png", levels_png(result.probability))
    if result.skin_mask is not None:
        skin_mask = write_atomically(folder / f"{stem}-skin-mask.png", mask_png(result.skin_mask))
    mask = write_atomically(folder / f"{stem}-mask.png", result.to_png())
    if overlay_rgb is not None:
        overlay = write_atomically(folder / f"{stem}-overlay.png", _png(Image.fromarray(overlay_rgb)))
    text = json.dumps(result.to_document(), ensure_ascii=False, allow_nan=False, indent=2)
    document = write_atomically(folder / f"{stem}.json", f"{text}\n".encode())
    return SavedFiles(mask=mask, overlay=overlay, document=document, probability=probability, skin_mask=skin_mask)


def write_atomically(path: Path, data: bytes) -> Path:
    """Write ``data`` to ``path`` so that a reader sees the old file or the new one, never a part.

    Only this user may read it, also in a folder that others see: results show faces.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        with open(temporary, "xb", opener=_for_this_user) as file:
            file.write(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _for_this_user(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def mask_png(mask: NDArray[np.uint8]) -> bytes:
    """Return an (H, W) mask in {0, 1} as a 1-bit PNG file."""
    return _png(Image.fromarray(mask * np.uint8(255)).convert("1", dither=Image.Dither.NONE))


def levels_png(probability: NDArray[np.float32]) -> bytes:
    """Return an (H, W) probability in [0, 1] as an 8-bit PNG file of probability times 255."""
    return _png(Image.fromarray(np.rint(probability * np.float32(255)).astype(np.uint8)))


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()
