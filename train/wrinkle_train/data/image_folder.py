"""Files of a folder by id: flat, or in FFHQ's sub-folders of a thousand."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final

from wrinkle_core.errors import ContractError

__all__ = ["IMAGE_SUFFIXES", "files_by_id"]

IMAGE_SUFFIXES: Final = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})


def files_by_id(folder: Path, suffixes: Collection[str] = IMAGE_SUFFIXES) -> dict[str, Path]:
    """Return the files of ``folder`` and of its direct sub-folders by their name without ending, sorted.

    Hidden files and files with other endings are passed over.

    Raises:
        ContractError: No such folder, no such file in it, or two files share an id.
    """
    if not folder.is_dir():
        raise ContractError(f"There is no folder {folder.name}; give the folder that holds the files.")
    found: dict[str, Path] = {}
    for path in sorted([*folder.glob("*"), *folder.glob("*/*")]):
        if path.name.startswith(".") or path.suffix.lower() not in suffixes or not path.is_file():
            continue
        if path.stem in found:
            raise ContractError(
                f"{folder.name} holds {path.stem} twice ({found[path.stem].relative_to(folder)} and "
                f"{path.relative_to(folder)}); keep one of them."
            )
        found[path.stem] = path
    if not found:
        raise ContractError(f"{folder.name} holds no {' '.join(sorted(suffixes))} file; give the folder that does.")
    return dict(sorted(found.items()))
