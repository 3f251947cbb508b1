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
    from wrinkle_client.result import SegmentationResult

__all__ = ["save_result", "write_atomically"]


def save_result(
    result: SegmentationResult,
    directory: str | os.PathLike[str],
    stem: str,
    *,
    photo: bytes | None,
    style: OverlayStyle,
) -> SavedFiles:
    """Write mask, overlay, probability and JSON; see ``SegmentationResult.save``."""
    if not stem or stem in (".", "..") or Path(stem).name != stem or "\0" in stem:
        raise InvalidParameterError(f"stem is {stem!r}, expected a plain file name without folders.")
    overlay_rgb = result.overlay(photo, style=style)
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    probability = None
    if result.probability is not None:
        levels = np.rint(result.probability * np.float32(255)).astype(np.uint8)
        probability = write_atomically(folder / f"{stem}-probability.png", _png(Image.fromarray(levels)))
    mask = write_atomically(folder / f"{stem}-mask.png", _png(_one_bit(result.mask)))
    overlay = write_atomically(folder / f"{stem}-overlay.png", _png(Image.fromarray(overlay_rgb)))
    text = json.dumps(result.to_document(), ensure_ascii=False, allow_nan=False, indent=2)
    document = write_atomically(folder / f"{stem}.json", f"{text}\n".encode())
    return SavedFiles(mask=mask, overlay=overlay, document=document, probability=probability)


def write_atomically(path: Path, data: bytes) -> Path:
    """Write ``data`` to ``path`` so that a reader sees the old file or the new one, never a part."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _one_bit(mask: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(mask * np.uint8(255)).convert("1", dither=Image.Dither.NONE)


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()
