"""Writes the files of one result into the run's folder."""

from __future__ import annotations

import errno
import os
from dataclasses import fields
from pathlib import Path, PurePosixPath

from wrinkle_client.batch_run.entry import WrittenFile
from wrinkle_client.result import OverlayStyle, SegmentationResult
from wrinkle_core.errors import InvalidImageError

__all__ = ["write_result_files"]


def write_result_files(
    result: SegmentationResult, folder: Path, stem: str, style: OverlayStyle | None
) -> tuple[WrittenFile, ...]:
    """Save a result as ``folder/STEM-mask.png`` and so on, and say what was written.

    Args:
        result: What to save.
        folder: The run's folder.
        stem: Start of the file names, with ``/`` for folders inside it; they are made when missing.
        style: How to draw the overlay; None draws none.

    Raises:
        InvalidImageError: The photograph's name is too long to name files after it.
        OSError: The folder cannot be written.
    """
    place = PurePosixPath(stem)
    try:
        saved = result.save(folder / place.parent, place.name, style=style)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise InvalidImageError("The file's name is too long to name the results after it; shorten it.") from error
    written = ((item.name, getattr(saved, item.name)) for item in fields(saved))
    return tuple(
        WrittenFile(kind, (place.parent / Path(path).name).as_posix(), os.stat(path).st_size)
        for kind, path in written
        if path is not None
    )
