"""Names for the results: none twice, and no photograph overwritten."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from wrinkle_core.errors import InvalidParameterError

__all__ = ["refuse_overwriting", "unique"]

_ENDINGS: Final = ("-mask.png", "-overlay.png", "-probability.png", ".json")


def unique(names: Sequence[str], *, separator: str) -> list[str]:
    """Return the names in order; one that is taken, in whatever case, gets ``separator`` and 2, 3, ...

    With the separator ``-``, ``face FACE`` become ``face FACE-2``.
    """
    taken: set[str] = set()
    result: list[str] = []
    for base in names:
        name, number = base, 1
        while name.casefold() in taken:
            number += 1
            name = f"{base}{separator}{number}"
        taken.add(name.casefold())
        result.append(name)
    return result


def refuse_overwriting(stems: Iterable[str], out: Path, photographs: Iterable[Path]) -> None:
    """Raise when a result would take the place of a photograph.

    Raises:
        InvalidParameterError: It would.
    """
    read = {path.resolve() for path in photographs}
    folder = out.resolve()
    clash = next((path for stem in stems for path in _results(folder, stem) if path in read), None)
    if clash is not None:
        raise InvalidParameterError(
            f"{clash.name} would overwrite a photograph of this run; choose another --out folder."
        )


def _results(folder: Path, stem: str) -> list[Path]:
    return [folder / f"{stem}{ending}" for ending in _ENDINGS]
