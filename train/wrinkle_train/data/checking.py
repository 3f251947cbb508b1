"""Looking at every file of a data set before a run starts, so that no run fails in its third hour.

Of images and weak masks the header and the end are read, of manual masks and parsing labels everything: 50,000
pictures take a minute, not an hour. What only decoding shows is found when the sample is made, as an error that names
the file too.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wrinkle_core.errors import ContractError, InvalidImageError
from wrinkle_train.data.reading import ImageHeader, read_header, read_mask, read_parsed, require_grey, require_rgb
from wrinkle_train.data.records import FRAME_PX, PhotoRecord

__all__ = ["check_records"]


def check_records(records: Sequence[PhotoRecord]) -> None:
    """Check that all files are there and fit each other.

    Raises:
        InvalidImageError: A file is missing, ends early or is no image.
        ContractError: There are no records, two share an id, or sizes or channels of a file do not fit.
    """
    if not records:
        raise ContractError("The data set is empty; give a folder with pictures.")
    seen: set[str] = set()
    for record in records:
        if record.id in seen:
            raise ContractError(f"The data set holds {record.id} twice; keep one of them.")
        seen.add(record.id)
        _check(record)


def _check(record: PhotoRecord) -> None:
    header = read_header(record.image)
    require_rgb(record.image, header)
    if header.width_px != header.height_px:
        raise ContractError(
            f"{record.image.name} is {header.width_px} x {header.height_px}; faces must be square crops in the FFHQ "
            "frame. Align it first."
        )
    if record.mask is not None:
        width, height = record.crop.size if record.crop else (header.width_px, header.height_px)
        owner = "its crop limits say" if record.crop else f"{record.image.name} is"
        _check_mask(record.mask, (width, height), owner)
    if record.ignored is not None:
        _check_mask(record.ignored, (header.width_px, header.height_px), f"{record.image.name} is")
    if record.weak is not None:
        weak = read_header(record.weak)
        require_grey(record.weak, weak)
        if (weak.width_px, weak.height_px) != (FRAME_PX, FRAME_PX):
            raise ContractError(
                f"{_where(record.weak)} is {_size(weak)}; a texture map means something at {FRAME_PX} x {FRAME_PX} "
                "only. Make it again with `wrinkle weak-labels`."
            )
    if record.parsed is not None:
        if not record.parsed.is_file():
            raise InvalidImageError(f"{_where(record.parsed)} is missing; make it again with the face parser.")
        read_parsed(record.parsed)


def _check_mask(path: Path, size: tuple[int, int], owner: str) -> None:
    header = read_header(path)
    require_grey(path, header)
    if (header.width_px, header.height_px) != size:
        raise ContractError(
            f"{_where(path)} is {_size(header)}, must be {size[0]} x {size[1]} as {owner}; give the mask that belongs "
            "to the picture, or right the limits."
        )
    read_mask(path)


def _where(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _size(header: ImageHeader) -> str:
    return f"{header.width_px} x {header.height_px}"
