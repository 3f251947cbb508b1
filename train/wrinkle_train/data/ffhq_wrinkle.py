"""Reading FFHQ with the labels of FFHQ-Wrinkle, laid out as that data set's instructions leave them.

| folder | holds |
|---|---|
| ``face_images/ID.png`` | the pictures of the manual masks; preferred where an id is in both |
| ``images1024x1024/TT000/ID.png`` or ``images1024x1024/ID.png`` | FFHQ |
| ``manual_wrinkle_masks/ID.png`` | 1,000 masks, 8-bit grey, 1024 x 1024 |
| ``weak_wrinkle_masks/TT000/ID.png`` | 50,000 masked texture maps, 8-bit grey, 1024 x 1024 |
| ``etcs/face_parsed_labels/ID.npy`` | face parsing of the 1,000, 512 x 512 integers 0 to 18 |

Source: README of labhai/ffhq-wrinkle-dataset. The data are CC BY-NC-SA 4.0 and not part of this project.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from wrinkle_core.errors import ContractError
from wrinkle_train.data.image_folder import IMAGE_SUFFIXES, files_by_id
from wrinkle_train.data.records import PhotoRecord

__all__ = ["read_ffhq_wrinkle"]

_FACES: Final = "face_images"
_FFHQ: Final = "images1024x1024"
_MANUAL: Final = "manual_wrinkle_masks"
_WEAK: Final = "weak_wrinkle_masks"
_PARSED: Final = (Path("etcs") / "face_parsed_labels", Path("face_parsed_labels"), Path("face-parsed-labels"))
_ARRAYS: Final = frozenset({".npy"})


def read_ffhq_wrinkle(root: Path, *, images: Path | None = None, skip_missing: bool = False) -> tuple[PhotoRecord, ...]:
    """Return a record per picture, sorted by id.

    Weak masks and parsing labels without a picture are passed over: the data set has 50,000 of them, and few users keep
    all pictures.

    Args:
        root: Folder that holds the label folders.
        images: Folder of the pictures when they do not lie in ``root``; flat or in folders of a thousand.
        skip_missing: Leave out manual masks without a picture instead of raising.

    Raises:
        ContractError: A folder is missing or empty, or a manual mask has no picture.
    """
    pictures = files_by_id(images) if images is not None else _pictures(root)
    manual = _optional(root / _MANUAL)
    weak = _optional(root / _WEAK)
    if not manual and not weak:
        raise ContractError(f"{root.name} holds neither {_MANUAL} nor {_WEAK}; give the data set's base folder.")
    parsed: dict[str, Path] = {}
    for folder in _PARSED:
        parsed = parsed or _optional(root / folder, _ARRAYS)
    lost = [name for name in manual if name not in pictures]
    if lost and not skip_missing:
        raise ContractError(
            f"{_MANUAL}/{manual[lost[0]].name} and {len(lost) - 1} more masks have no picture; put FFHQ's pictures "
            f"into {_FFHQ}, or take these masks out."
        )
    return tuple(
        PhotoRecord(name, image, mask=manual.get(name), weak=weak.get(name), parsed=parsed.get(name))
        for name, image in pictures.items()
    )


def _pictures(root: Path) -> dict[str, Path]:
    found = {**_optional(root / _FFHQ), **_optional(root / _FACES)}
    if not found:
        raise ContractError(
            f"{root.name} holds no pictures in {_FFHQ} or {_FACES}; download FFHQ there, or name the pictures' folder."
        )
    return dict(sorted(found.items()))


def _optional(folder: Path, suffixes: frozenset[str] = IMAGE_SUFFIXES) -> dict[str, Path]:
    return files_by_id(folder, suffixes) if folder.is_dir() else {}
