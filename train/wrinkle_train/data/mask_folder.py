"""Reading a folder of aligned pictures with any folder of wrinkle masks.

Masks either cover whole pictures and carry the picture's name, or are listed in a CSV with the part of the 1024 px FFHQ
frame they cover: columns ``file`` (beside the CSV), ``ffhq_id``, ``h0``, ``h1`` (rows), ``w0``, ``w1`` (columns).
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

from wrinkle_core.errors import ContractError
from wrinkle_train.data.image_folder import files_by_id
from wrinkle_train.data.records import CropLimits, PhotoRecord, ffhq_id

__all__ = ["read_cropped_masks", "read_whole_masks"]

_COLUMNS: Final = ("file", "ffhq_id", "h0", "h1", "w0", "w1")


def read_whole_masks(
    images: Path, masks: Path, *, ignored: Path | None = None, skip_missing: bool = False
) -> tuple[PhotoRecord, ...]:
    """Return a record per mask that covers a whole picture of the same name, sorted by id.

    Args:
        images: Folder of pictures, flat or in folders of a thousand.
        masks: Folder of masks.
        ignored: Folder of masks of pixels without a meaning for the loss.
        skip_missing: Leave out masks without a picture instead of raising.

    Raises:
        ContractError: A folder is missing or empty, or a mask has no picture.
    """
    pictures, found = files_by_id(images), files_by_id(masks)
    unclear = files_by_id(ignored) if ignored is not None else {}
    records = []
    for name, mask in found.items():
        if name in pictures:
            records.append(PhotoRecord(name, pictures[name], mask, ignored=unclear.get(name)))
        elif not skip_missing:
            raise ContractError(_lost(mask, name, images))
    return _some(records, masks)


def read_cropped_masks(images: Path, table: Path, *, skip_missing: bool = False) -> tuple[PhotoRecord, ...]:
    """Return a record per row of a table of masks with crop limits, sorted by id.

    Args:
        images: Folder of FFHQ pictures, flat or in folders of a thousand.
        table: The CSV; mask files are given relative to it.
        skip_missing: Leave out masks without a picture instead of raising.

    Raises:
        ContractError: The table is missing or lacks a column or a number, limits leave the frame, an id comes twice,
            or a mask has no picture.
    """
    if not table.is_file():
        raise ContractError(f"There is no table {table.name}; give the CSV with the masks' crop limits.")
    pictures = files_by_id(images)
    records: dict[str, PhotoRecord] = {}
    with table.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        reader = csv.DictReader(file)
        absent = [column for column in _COLUMNS if column not in (reader.fieldnames or ())]
        if absent:
            raise ContractError(f"{table.name} has no column {absent[0]}; it needs {', '.join(_COLUMNS)}.")
        for row in reader:
            name, mask, crop = _row(row, table, reader.line_num)
            if name in records:
                raise ContractError(f"{table.name}, line {reader.line_num}: {name} comes twice; list it once.")
            if name in pictures:
                records[name] = PhotoRecord(name, pictures[name], mask, crop)
            elif not skip_missing:
                raise ContractError(_lost(mask, name, images))
    return _some([records[name] for name in sorted(records)], table)


def _row(row: dict[str, str], table: Path, line: int) -> tuple[str, Path, CropLimits]:
    try:
        name = ffhq_id(int(row["ffhq_id"]))
        crop = CropLimits(*(int(row[column]) for column in _COLUMNS[2:]))
    except (TypeError, ValueError) as error:
        raise ContractError(f"{table.name}, line {line}: {error}") from None
    mask = table.parent / row["file"]
    if not mask.is_file():
        raise ContractError(f"{table.name}, line {line}: there is no mask {mask.name}; add it or remove the line.")
    return name, mask, crop


def _lost(mask: Path, name: str, images: Path) -> str:
    return f"The mask {mask.name} has no picture {name} in {images.name}; add the picture, or take the mask out."


def _some(records: list[PhotoRecord], source: Path) -> tuple[PhotoRecord, ...]:
    if not records:
        raise ContractError(f"No mask of {source.name} has a picture; are the pictures named by their id?")
    return tuple(records)
