"""What ``segment`` accepts as a photograph, read with a bound."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeAlias

from wrinkle_core.errors import EmptyImageError, ImageTooLargeError, InvalidImageError, InvalidParameterError

__all__ = ["Photo", "read_photo"]

Photo: TypeAlias = "str | os.PathLike[str] | bytes"


def read_photo(photo: Photo, *, max_encoded_bytes: int) -> bytes:
    """Return the encoded image file; nothing is decoded here, the server does that.

    Args:
        photo: The file's bytes, or its path.
        max_encoded_bytes: Largest file that is sent; no more than this is read.

    Raises:
        InvalidImageError: No such file, a folder, or it cannot be read.
        EmptyImageError: The file is empty.
        ImageTooLargeError: It is over ``max_encoded_bytes``.
        InvalidParameterError: Neither bytes nor a path.
    """
    if isinstance(photo, bytes):
        encoded, name = photo, "The photograph"
    elif isinstance(photo, (str, os.PathLike)):
        path = Path(photo)
        encoded, name = _read_bounded(path, max_encoded_bytes), path.name
    else:
        raise InvalidParameterError(
            f"A photograph is given as bytes of an image file or as its path, not as {type(photo).__name__}."
        )
    if not encoded:
        raise EmptyImageError(f"{name} is empty; send a JPEG, PNG, WebP, BMP or TIFF file.")
    if len(encoded) > max_encoded_bytes:
        raise ImageTooLargeError(
            f"{name} is larger than {max_encoded_bytes / 2**20:g} MiB; save it smaller or with stronger compression."
        )
    return encoded


def _read_bounded(path: Path, max_encoded_bytes: int) -> bytes:
    if not path.is_file():
        raise InvalidImageError(f"There is no file {path.name!r}; check the path.")
    try:
        with path.open("rb") as file:
            return file.read(max_encoded_bytes + 1)
    except OSError as error:
        raise InvalidImageError(f"{path.name!r} cannot be read: {error.strerror}.") from error
