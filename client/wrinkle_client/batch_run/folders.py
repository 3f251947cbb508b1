"""The photographs and videos in a folder, by their endings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from wrinkle_client.batch_run.video import VIDEO_ENDINGS
from wrinkle_core.errors import InvalidParameterError

__all__ = ["PHOTOGRAPH_ENDINGS", "files_in"]

PHOTOGRAPH_ENDINGS: Final = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".heic", ".heif")


def files_in(folder: Path, out: Path, *, recursive: bool) -> list[Path]:
    """Return photographs and videos in ``folder``, sorted; hidden ones and what lies in ``out`` are left out.

    Links to folders are not followed, so a walk ends.

    Raises:
        InvalidParameterError: There are none, or the folder is ``out`` or lies inside it.
    """
    own = out.resolve()
    if own == folder.resolve() or own in folder.resolve().parents:
        raise InvalidParameterError(
            f"{folder} is where the results go; choose an --out folder that does not hold the photographs."
        )
    endings = PHOTOGRAPH_ENDINGS + VIDEO_ENDINGS
    files = sorted(path for path in _walk(folder, own, recursive) if path.suffix.lower() in endings)
    if not files:
        deeper = "" if recursive else "; --recursive looks into folders inside it"
        raise InvalidParameterError(f"There is no photograph in {folder} ({' '.join(endings)}){deeper}.")
    return files


def _walk(folder: Path, own: Path, recursive: bool) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        yield from (Path(parent, name) for name in names if not name.startswith("."))
        kept = (name for name in folders if not name.startswith(".") and Path(parent, name).resolve() != own)
        folders[:] = sorted(kept) if recursive else []
