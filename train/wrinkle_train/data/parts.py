"""The pictures of a data folder by what they are for: FFHQ with its wrinkle masks, any masks, or the rendered set.

A folder may bring its own lists, ``splits/train.txt``, ``val.txt`` and ``test.txt``, as the rendered set does;
otherwise the recipe's shares and seed split it. Whatever is wrong with a file is found before the first step.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wrinkle_core.errors import ContractError
from wrinkle_train.data.checking import check_records
from wrinkle_train.data.ffhq_wrinkle import read_ffhq_wrinkle
from wrinkle_train.data.made_files import MANIFEST
from wrinkle_train.data.mask_folder import read_cropped_masks, read_whole_masks
from wrinkle_train.data.records import PhotoRecord, labelled, select
from wrinkle_train.data.rendered_set import SPLITS_FOLDER, read_rendered_set
from wrinkle_train.data.splits import PAPER_1_SHARES, PAPER_2_SHARES, Splits, read_ids, split_ids, subset_ids, without
from wrinkle_train.recipe import DataRecipe

__all__ = ["RecordParts", "read_parts"]

_SHARES: Final = {"9:1": PAPER_1_SHARES, "8:1:1": PAPER_2_SHARES}


@dataclass(frozen=True, slots=True)
class RecordParts:
    """The pictures of a folder by what they are for.

    Attributes:
        train: Labelled.
        val: Labelled; empty when the split has no such part.
        test: Labelled.
        pool: For pretraining: every picture, labelled or not, that is in neither ``val`` nor ``test``.
    """

    train: tuple[PhotoRecord, ...]
    val: tuple[PhotoRecord, ...]
    test: tuple[PhotoRecord, ...]
    pool: tuple[PhotoRecord, ...]

    @property
    def labelled(self) -> tuple[PhotoRecord, ...]:
        """Return the labelled pictures of all three parts."""
        return (*self.train, *self.val, *self.test)


def read_parts(folder: Path, data: DataRecipe) -> RecordParts:
    """Return the pictures of ``folder``, split as it says itself or as the recipe says.

    Layouts: the rendered set; FFHQ-Wrinkle; ``images/`` with ``wrinkle_masks.csv`` (crop limits); ``images/`` with
    ``masks/``.

    Raises:
        ContractError: The folder has another layout, a mask has no picture, or a file does not fit.
        InvalidImageError: A file is missing or no image.
    """
    records = _read(folder)
    check_records(records)
    known = labelled(records)
    lists = folder / SPLITS_FOLDER
    if lists.is_dir():
        parts = Splits(*(read_ids(lists / f"{part}.txt") for part in ("train", "val", "test")))
    else:
        parts = split_ids((record.id for record in known), _SHARES[data.split], data.split_seed)
    train = parts.train
    if data.train_count is not None:
        train = subset_ids(train, data.train_count, data.split_seed)
    pool = without((record.id for record in records), parts.val, parts.test)
    return RecordParts(*(select(records, ids) for ids in (train, parts.val, parts.test, pool)))


def _read(folder: Path) -> tuple[PhotoRecord, ...]:
    if not folder.is_dir():
        raise ContractError(f"There is no folder {folder.name}; give --data the folder of the data set.")
    images, masks, table = folder / "images", folder / "masks", folder / "wrinkle_masks.csv"
    if (folder / MANIFEST).is_file():
        return read_rendered_set(folder)
    if (folder / "manual_wrinkle_masks").is_dir() or (folder / "weak_wrinkle_masks").is_dir():
        return read_ffhq_wrinkle(folder)
    if images.is_dir() and table.is_file():
        return read_cropped_masks(images, table)
    if images.is_dir() and masks.is_dir():
        return read_whole_masks(images, masks)
    raise ContractError(
        f"{folder.name} is no data set: it needs images/ with masks/ or wrinkle_masks.csv, or FFHQ-Wrinkle's folders; "
        "or make a rendered set with `wrinkle rendered-set`."
    )
