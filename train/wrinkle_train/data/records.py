"""What belongs to one photograph of a data set: its image and whichever labels exist for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wrinkle_core.errors import ContractError

__all__ = ["FRAME_PX", "CropLimits", "PhotoRecord", "ffhq_id", "labelled", "select"]

FRAME_PX: Final = 1024  # the FFHQ frame; crop limits are pixels of it


@dataclass(frozen=True, slots=True)
class CropLimits:
    """Part of the 1024 px frame that a mask covers: ``full[top:bottom, left:right] = mask``."""

    top: int
    bottom: int
    left: int
    right: int

    def __post_init__(self) -> None:
        if not (0 <= self.top < self.bottom <= FRAME_PX and 0 <= self.left < self.right <= FRAME_PX):
            raise ContractError(
                f"Crop limits h {self.top}:{self.bottom}, w {self.left}:{self.right} do not lie in a "
                f"{FRAME_PX} x {FRAME_PX} frame."
            )

    @property
    def size(self) -> tuple[int, int]:
        """Return (width, height) in pixels."""
        return self.right - self.left, self.bottom - self.top


@dataclass(frozen=True, slots=True)
class PhotoRecord:
    """One photograph and its labels.

    Attributes:
        id: Name by which split lists and attributes know it; for FFHQ five digits.
        image: Aligned face, square, 8-bit RGB.
        mask: Manual wrinkle mask, one channel, two values; as large as the image, or as ``crop`` says.
        crop: Which part of the 1024 px frame ``mask`` covers; None where it covers the whole image.
        ignored: Like a whole-image ``mask``: pixels that are neither wrinkle nor skin for the loss.
        weak: Masked texture map, 8-bit grey, 1024 x 1024.
        parsed: Face parsing labels 0 to 18 as a square integer ``.npy``.
    """

    id: str
    image: Path
    mask: Path | None = None
    crop: CropLimits | None = None
    ignored: Path | None = None
    weak: Path | None = None
    parsed: Path | None = None


def ffhq_id(number: int) -> str:
    """Return the five digits by which FFHQ names a picture."""
    return f"{number:05d}"


def labelled(records: Iterable[PhotoRecord]) -> tuple[PhotoRecord, ...]:
    """Return the records that have a manual mask."""
    return tuple(record for record in records if record.mask is not None)


def select(records: Iterable[PhotoRecord], ids: Sequence[str]) -> tuple[PhotoRecord, ...]:
    """Return the records called ``ids``, in that order.

    Raises:
        ContractError: There is no record of that name.
    """
    known = {record.id: record for record in records}
    missing = [name for name in ids if name not in known]
    if missing:
        raise ContractError(
            f"{len(missing)} of {len(ids)} ids of the list have no picture in the data, the first is {missing[0]}; "
            "add the pictures or take the ids off the list."
        )
    return tuple(known[name] for name in ids)
