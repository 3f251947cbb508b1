"""Names for the files a run writes: one stem per photograph, none twice, and no photograph overwritten."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from wrinkle_core.errors import InvalidParameterError

__all__ = ["output_stems"]

_ENDINGS: Final = ("-mask.png", "-overlay.png", "-probability.png", ".json")


def output_stems(photos: Sequence[Path], out: Path) -> list[str]:
    """Return one file-name stem per photograph, in order.

    A stem that is taken, in whatever case, gets ``-2``, ``-3``, ...: ``a/face.jpg b/face.png`` become ``face face-2``.

    Raises:
        InvalidParameterError: A file to be written is one of the photographs.
    """
    taken: set[str] = set()
    stems: list[str] = []
    for photo in photos:
        stem = base = photo.stem or "photo"
        number = 1
        while stem.casefold() in taken:
            number += 1
            stem = f"{base}-{number}"
        taken.add(stem.casefold())
        stems.append(stem)
    read = {photo.resolve() for photo in photos}
    written = (out.resolve() / f"{stem}{ending}" for stem in stems for ending in _ENDINGS)
    clash = next((path for path in written if path in read), None)
    if clash is not None:
        raise InvalidParameterError(
            f"{clash.name} would overwrite a photograph of this run; choose another --out folder."
        )
    return stems
