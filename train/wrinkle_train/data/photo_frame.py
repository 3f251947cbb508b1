"""One picture brought to a network's size, with its face mask, texture map and label, before any augmentation.

At the papers' sizes this equals serving: RGB reduced by area averaging, the face mask drawn at the network's size, the
texture map computed on the unmasked picture at 1024 px and masked afterwards. Below 1024 px the texture map is computed
at 1024 and then area-reduced, and below 512 px the label is area-reduced and kept where a quarter of a pixel is marked,
since nearest neighbours would cut 3 px lines to dashes: for small-scale runs only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.contract import MaskRule
from wrinkle_core.errors import ContractError, InvalidParameterError, NoFaceError
from wrinkle_core.face_mask import face_mask
from wrinkle_core.texture import texture_map
from wrinkle_train.data.landmark_cache import landmarks_at
from wrinkle_train.data.parsed_face import parsed_face_mask
from wrinkle_train.data.reading import read_grey, read_mask, read_parsed, read_rgb
from wrinkle_train.data.records import FRAME_PX, PhotoRecord

__all__ = ["FrameOptions", "PhotoFrame", "prepare_frame"]

_NEAREST_DOWN_TO_PX: Final = 512
_MARKED_SHARE: Final = 0.25
_SMALLEST_PX: Final = 32
_LARGEST_PX: Final = 4096


@dataclass(frozen=True, slots=True)
class FrameOptions:
    """How pictures are prepared.

    Attributes:
        input_px: Side of the network's input.
        mask: ``skin`` (paper 1, without the nose), ``face`` (paper 2, with it) or ``none``.
        mask_from: ``mesh`` needs landmarks; ``parsed`` takes the records' parsing labels, for ``face`` only.
        texture: ``none``, ``computed`` here, or ``files``: the records' weak masks, which are masked already.
        texture_mode: For ``computed``: see ``wrinkle_core.texture.texture_map``.
        labels: Whether records must have a manual mask.
    """

    input_px: int = 512
    mask: Literal["skin", "face", "none"] = "skin"
    mask_from: Literal["mesh", "parsed"] = "mesh"
    texture: Literal["none", "computed", "files"] = "none"
    texture_mode: Literal["literal", "dark_floor"] = "literal"
    labels: bool = True

    def __post_init__(self) -> None:
        if not _SMALLEST_PX <= self.input_px <= _LARGEST_PX:
            raise InvalidParameterError(f"input_px must be {_SMALLEST_PX} to {_LARGEST_PX}, got {self.input_px}.")
        if self.mask_from == "parsed" and self.mask != "face":
            raise InvalidParameterError("Parsing labels give the mask 'face' only; take mask_from 'mesh'.")

    @property
    def needs_landmarks(self) -> bool:
        """Return whether face masks are drawn from the mesh."""
        return self.mask != "none" and self.mask_from == "mesh"


@dataclass(frozen=True, slots=True, eq=False)
class PhotoFrame:
    """One prepared picture, side S.

    Attributes:
        rgb: (S, S, 3) uint8, unmasked.
        mask: (S, S) uint8 {0, 1}: the face.
        texture: (S, S) uint8, masked only where it came from a file; None when not asked for.
        label: (S, S) uint8 {0, 1}: the whole manual mask, also outside the face; None when not asked for.
        weight: (S, S) uint8 {0, 1}: 0 where the annotator did not look; None without a label.
    """

    rgb: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    texture: NDArray[np.uint8] | None
    label: NDArray[np.uint8] | None
    weight: NDArray[np.uint8] | None

    @property
    def size_bytes(self) -> int:
        """Return the memory it takes."""
        planes = (self.rgb, self.mask, self.texture, self.label, self.weight)
        return sum(plane.nbytes for plane in planes if plane is not None)


def prepare_frame(record: PhotoRecord, options: FrameOptions, shares: NDArray[np.float32] | None) -> PhotoFrame:
    """Read and prepare one picture.

    Args:
        record: Its files.
        options: How.
        shares: Its landmarks as ``FoundLandmarks`` gives them; needed when ``options.needs_landmarks``.

    Raises:
        InvalidImageError: A file cannot be read.
        ContractError: A file that the options need is missing or does not fit.
        NoFaceError: There are no landmarks.
    """
    side = options.input_px
    rgb = read_rgb(record.image)
    if rgb.shape[0] != rgb.shape[1]:
        raise ContractError(f"{record.image.name} is no square; faces must be crops in the FFHQ frame.")
    mask = _face(record, options, shares)
    label, weight = _label(record, side) if options.labels else (None, None)
    return PhotoFrame(_resized(rgb, side), mask, _texture(rgb, record, options), label, weight)


def _face(record: PhotoRecord, options: FrameOptions, shares: NDArray[np.float32] | None) -> NDArray[np.uint8]:
    side = options.input_px
    if options.mask == "none":
        return np.ones((side, side), np.uint8)
    if options.mask_from == "parsed":
        if record.parsed is None:
            raise ContractError(f"{record.image.name} has no parsing labels; take masks from the mesh.")
        return parsed_face_mask(read_parsed(record.parsed), side)
    if shares is None:
        raise NoFaceError(f"{record.image.name} has no landmarks; find them first, or take the picture out.")
    return face_mask(landmarks_at(shares, side), side, side, MaskRule(options.mask))


def _texture(rgb: NDArray[np.uint8], record: PhotoRecord, options: FrameOptions) -> NDArray[np.uint8] | None:
    if options.texture == "none":
        return None
    if options.texture == "computed":
        return _resized(texture_map(_resized(rgb, FRAME_PX), mode=options.texture_mode), options.input_px)
    if record.weak is None:
        raise ContractError(f"{record.image.name} has no weak mask; make them with `wrinkle weak-labels`.")
    weak = read_grey(record.weak)
    if weak.shape != (FRAME_PX, FRAME_PX):
        raise ContractError(f"{record.weak.name} is no {FRAME_PX} x {FRAME_PX} texture map; make it again.")
    return _resized(weak, options.input_px)


def _label(record: PhotoRecord, side: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    if record.mask is None:
        raise ContractError(f"{record.image.name} has no manual mask; add one or take the picture off the list.")
    marked = read_mask(record.mask)
    seen = np.ones_like(marked)
    if record.crop is not None:
        crop = record.crop
        if marked.shape != (crop.bottom - crop.top, crop.right - crop.left):
            raise ContractError(f"{record.mask.name} is not of the size its crop limits say; right the table.")
        whole, part = np.zeros((2, FRAME_PX, FRAME_PX), np.uint8), marked
        whole[:, crop.top : crop.bottom, crop.left : crop.right] = part, seen
        marked, seen = whole
    label = _reduced(marked, side)
    weight = np.asarray(cv2.resize(seen, (side, side), interpolation=cv2.INTER_NEAREST), np.uint8)
    if record.ignored is not None:
        weight = weight * (1 - _reduced(read_mask(record.ignored), side) * (1 - label))
    return label, weight


def _reduced(marked: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    if side >= min(_NEAREST_DOWN_TO_PX, len(marked)):
        return np.asarray(cv2.resize(marked, (side, side), interpolation=cv2.INTER_NEAREST), np.uint8)
    share = cv2.resize(marked.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA)
    return (np.asarray(share) >= _MARKED_SHARE).astype(np.uint8)


def _resized(plane: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    if plane.shape[0] == side:
        return plane
    smaller = side < plane.shape[0]
    return np.asarray(
        cv2.resize(plane, (side, side), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR), np.uint8
    )
