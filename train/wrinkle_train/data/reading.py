"""Reading the files of a record; whatever is wrong with one becomes an error that names it.

Files are never converted silently: a grey face or a coloured mask is more likely a wrong folder than a wish.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wrinkle_core.decode import decode_image
from wrinkle_core.errors import ContractError, InvalidImageError, TruncatedImageError, WrinkleError

__all__ = [
    "PARSED_CLASSES",
    "ImageHeader",
    "read_grey",
    "read_header",
    "read_mask",
    "read_parsed",
    "read_rgb",
    "require_grey",
    "require_rgb",
]

PARSED_CLASSES: Final = 19
_FORMATS: Final = ("PNG", "JPEG", "WEBP", "BMP", "TIFF")
_END_MARKERS: Final = {"PNG": b"IEND", "JPEG": b"\xff\xd9"}
_TAIL_BYTES: Final = 1024
_RGB_MODE: Final = "RGB"
_GREY_MODES: Final = ("L", "1")


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What a file says of its image before anything is decoded.

    Attributes:
        mode: Pillow's name of the pixel format.
        width_px: Width.
        height_px: Height.
    """

    mode: str
    width_px: int
    height_px: int


def read_header(path: Path) -> ImageHeader:
    """Return the header of an image file, after a look at its end.

    Raises:
        InvalidImageError: The file is missing or no image.
        TruncatedImageError: A PNG or JPEG without its end.
    """
    try:
        with Image.open(path, formats=_FORMATS) as image:
            header = ImageHeader(image.mode, *image.size)
            marker = _END_MARKERS.get(str(image.format))
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - _TAIL_BYTES, 0))
            tail = file.read()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise InvalidImageError(f"{path.name} is missing or no image; replace it.") from None
    if marker is not None and marker not in tail:
        raise TruncatedImageError(f"{path.name} ends before its image does; copy or download it again.")
    return header


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """Return an (H, W, 3) uint8 RGB image.

    Raises:
        InvalidImageError: The file is missing, damaged or no image.
        ContractError: It is not RGB.
    """
    require_rgb(path, read_header(path))
    try:
        return decode_image(path.read_bytes())
    except WrinkleError as error:
        raise type(error)(f"{path.name}: {error}") from error


def read_grey(path: Path) -> NDArray[np.uint8]:
    """Return an (H, W) uint8 image of one channel.

    Raises:
        InvalidImageError: The file is missing, damaged or no image.
        ContractError: It has more than one channel or more than 8 bits.
    """
    require_grey(path, read_header(path))
    try:
        with Image.open(path, formats=_FORMATS) as image:
            return np.asarray(image.convert("L"), np.uint8)
    except (OSError, SyntaxError, ValueError):
        raise InvalidImageError(f"{path.name} is damaged; replace it.") from None


def read_mask(path: Path) -> NDArray[np.uint8]:
    """Return an (H, W) mask in {0, 1}.

    The file may mark wrinkles with any one value, commonly 1 or 255.

    Raises:
        InvalidImageError: The file is missing, damaged or no image.
        ContractError: It has more than one channel, or values besides 0 and one other.
    """
    grey = read_grey(path)
    values = np.flatnonzero(np.bincount(grey.ravel(), minlength=256))
    if len(values[values > 0]) > 1:
        raise ContractError(
            f"{path.name} has {len(values)} grey values; a mask has 0 and one other. Save it without smoothing as PNG."
        )
    return (grey > 0).astype(np.uint8)


def read_parsed(path: Path) -> NDArray[np.uint8]:
    """Return an (S, S) uint8 map of face parsing classes, 0 to 18.

    Raises:
        ContractError: The file is missing or holds something else.
    """
    try:
        labels = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        raise ContractError(f"{path.name} is missing or no .npy array; make it again with the face parser.") from None
    fits = isinstance(labels, np.ndarray) and labels.ndim == 2 and labels.shape[0] == labels.shape[1]
    if not fits or labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= PARSED_CLASSES:
        raise ContractError(
            f"{path.name} must hold a square array of integers 0 to {PARSED_CLASSES - 1}; make it again with the "
            "face parser."
        )
    return np.asarray(labels, np.uint8)


def require_rgb(path: Path, header: ImageHeader) -> None:
    """Raise ContractError unless the image is 8-bit RGB."""
    if header.mode != _RGB_MODE:
        raise ContractError(
            f"{path.name} has pixels of the kind {header.mode}, faces must be 8-bit RGB; is it a mask? Convert it "
            "or take it out."
        )


def require_grey(path: Path, header: ImageHeader) -> None:
    """Raise ContractError unless the image has one channel of at most 8 bits."""
    if header.mode not in _GREY_MODES:
        raise ContractError(
            f"{path.name} has pixels of the kind {header.mode}, labels must be 8-bit grey with one channel; is it a "
            "photograph? Convert it."
        )
