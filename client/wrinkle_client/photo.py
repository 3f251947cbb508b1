"""What ``segment`` accepts as a photograph, read with a bound."""

from __future__ import annotations

import io
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wrinkle_client.deadline import Deadline
from wrinkle_client.inputs.remote_photo import RemotePhoto
from wrinkle_core.errors import EmptyImageError, ImageTooLargeError, InvalidImageError, InvalidParameterError

__all__ = ["BinaryFile", "Photo", "PillowImage", "read_photo"]


class BinaryFile(Protocol):
    """A file open for reading bytes: ``open(path, "rb")``, ``io.BytesIO``, the ``file`` of an upload."""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes, none at the end."""


class PillowImage(Protocol):
    """A ``PIL.Image.Image``, told by what it has: importing the SDK does not load Pillow."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""

    def getexif(self) -> Any:
        """Return what the camera wrote, the orientation among it."""


Photo: TypeAlias = (
    str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryFile | PillowImage | NDArray[np.uint8] | RemotePhoto
)


def read_photo(photo: Photo, *, max_encoded_bytes: int, deadline: Deadline | None = None) -> bytes:
    """Return the encoded image file; what is one already is not decoded here, the server does that.

    Args:
        photo: The file's bytes, its path, the open file (read from where it stands, not closed), a Pillow image, an
            array of (H, W, 3) RGB or (H, W) grey uint8, or a ``RemotePhoto``. Pixels are encoded as PNG. A text is
            always a path, never a URL.
        max_encoded_bytes: Largest file that is sent; no more than this is read.
        deadline: Of the whole call; a remote photograph keeps within it.

    Raises:
        InvalidImageError: No such file, a folder, or it cannot be read or fetched.
        EmptyImageError: The file is empty.
        ImageTooLargeError: It is over ``max_encoded_bytes``.
        InvalidParameterError: Nothing of the above, or a URL that may not be fetched.
        DeadlineExceededError: A remote photograph did not come in time.
    """
    encoded, name = _encoded(photo, max_encoded_bytes, deadline)
    if not encoded:
        raise EmptyImageError(f"{name} is empty; send a JPEG, PNG, WebP, BMP or TIFF file.")
    if len(encoded) > max_encoded_bytes:
        raise ImageTooLargeError(
            f"{name} is larger than {max_encoded_bytes / 2**20:g} MiB; save it smaller or with stronger compression."
        )
    return encoded


def _encoded(photo: Photo, max_encoded_bytes: int, deadline: Deadline | None) -> tuple[bytes, str]:
    """Return the file, or the first ``max_encoded_bytes + 1`` bytes of it, and what to call it."""
    name = "The photograph"
    if isinstance(photo, bytes):
        return photo, name
    if isinstance(photo, (bytearray, memoryview)):
        return bytes(memoryview(photo).cast("B")[: max_encoded_bytes + 1]), name
    if isinstance(photo, (str, os.PathLike)):
        path = _path(photo)
        return _read_file(path, max_encoded_bytes), path.name
    if isinstance(photo, RemotePhoto):
        from wrinkle_client.inputs.fetching import fetch

        return fetch(photo, max_encoded_bytes=max_encoded_bytes, deadline=deadline), name
    if isinstance(photo, np.ndarray):
        from wrinkle_client.inputs.pixels import encode_array

        return encode_array(photo), name
    if callable(getattr(photo, "read", None)):
        return _read_bounded(photo, max_encoded_bytes), name
    return _encoded_image(photo), name


def _path(photo: str | os.PathLike[str]) -> Path:
    if isinstance(photo, str) and photo.lower().startswith(("http://", "https://")):
        raise InvalidParameterError("A text is a path, never a URL; to fetch a photograph pass RemotePhoto(url).")
    return Path(photo)


def _read_file(path: Path, max_encoded_bytes: int) -> bytes:
    try:
        if not path.is_file():
            raise InvalidImageError(f"There is no file {path.name!r}; check the path.")
        with path.open("rb") as file:
            return _read_bounded(file, max_encoded_bytes)
    except OSError as error:
        raise InvalidImageError(f"{path.name[:80]!r} cannot be read: {error.strerror}.") from error


def _read_bounded(file: Any, max_encoded_bytes: int) -> bytes:
    """Return what the file holds, read in pieces: an unbuffered file or a pipe gives less than it was asked for."""
    data = io.BytesIO()
    while (missing := max_encoded_bytes + 1 - data.tell()) > 0:
        piece = file.read(missing)
        if isinstance(piece, Coroutine):
            piece.close()
            raise InvalidParameterError("The photograph's file is asynchronous; pass the bytes that it gives.")
        if not isinstance(piece, bytes):
            raise InvalidParameterError(
                f"The photograph's file gave {type(piece).__name__}, expected bytes; open it in binary mode."
            )
        if not piece:
            break
        data.write(piece)
    return data.getvalue()


def _encoded_image(photo: Any) -> bytes:
    from PIL import Image

    if isinstance(photo, Image.Image):
        from wrinkle_client.inputs.pixels import encode_image

        return encode_image(photo)
    raise InvalidParameterError(
        "A photograph is given as bytes of an image file, as its path or open file, as a Pillow image, as an array or "
        f"as a RemotePhoto, not as {type(photo).__name__}."
    )
