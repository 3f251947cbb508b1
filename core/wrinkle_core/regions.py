"""Facial regions as polygons over the 468-point mesh; left and right are the subject's.

The regions follow the names dermatology uses for where lines form. Their corners are mesh vertices chosen by us on
MediaPipe's canonical face model, so the borders move with the face; no published ring exists. Neighbours share an edge
and no pixel has two regions: on that edge, and where a turned head folds polygons over each other, the one that comes
first in ``REGIONS`` wins. Every region is cut to the face oval and the lips belong to none.

- forehead: oval's top down to the upper edge of the brows.
- glabella: between the brows, down to the root of the nose.
- crow's feet: from the outer eye corner to the temple, between brow tail and cheekbone.
- under-eye: from the lower lid to the orbit's rim, both eye corners included.
- nasolabial: a band on both sides of the fold, from the wing of the nose to beyond the mouth corner.
- cheek: from the under-eye to the jaw, lateral of the nasolabial band.
- perioral: around the lips, from the nose to the chin crease, with the lines that fall from the mouth corners.
- chin: below the chin crease.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.errors import ContractError
from wrinkle_core.face_mask import LIPS_OUTER, OVAL
from wrinkle_core.geometry import LANDMARK_COUNT

__all__ = ["REGIONS", "Region", "region_labels"]


@dataclass(frozen=True, slots=True)
class Region:
    """One region: its name in the report and its closed ring of mesh vertices."""

    name: str
    ring: tuple[int, ...]


# fmt: off
REGIONS: Final = (
    Region("forehead", (
        10, 338, 297, 332, 284, 298, 293, 334, 296, 336, 107, 66, 105, 63, 68, 54, 103, 67, 109,
    )),
    Region("glabella", (107, 336, 285, 417, 168, 193, 55)),
    Region("crows_feet_left", (359, 342, 353, 383, 368, 264, 345, 340, 261, 255)),
    Region("crows_feet_right", (130, 113, 124, 156, 139, 34, 116, 111, 31, 25)),
    Region("under_eye_left", (
        255, 263, 249, 390, 373, 374, 380, 381, 382, 362, 463, 464, 357, 350, 349, 348, 347, 346, 261,
    )),
    Region("under_eye_right", (
        25, 33, 7, 163, 144, 145, 153, 154, 155, 133, 243, 244, 128, 121, 120, 119, 118, 117, 31,
    )),
    Region("nasolabial_left", (358, 371, 266, 425, 427, 434, 432, 287, 410, 322, 391, 327, 294)),
    Region("nasolabial_right", (129, 142, 36, 205, 207, 214, 212, 57, 186, 92, 165, 98, 64)),
    Region("cheek_left", (
        340, 261, 346, 347, 348, 349, 350, 277, 355, 429, 358, 371, 266,
        425, 427, 434, 432, 430, 364, 367, 433, 376, 352, 345,
    )),
    Region("cheek_right", (
        111, 31, 117, 118, 119, 120, 121, 47, 126, 209, 129, 142, 36,
        205, 207, 214, 212, 210, 135, 138, 213, 147, 123, 116,
    )),
    Region("perioral", (
        2, 326, 327, 391, 322, 410, 287, 432, 430, 431, 418, 406, 313, 18,
        83, 182, 194, 211, 210, 212, 57, 186, 92, 165, 98, 97,
    )),
    Region("chin", (
        18, 313, 406, 418, 431, 395, 369, 400, 377, 152, 148, 176, 140, 170, 211, 194, 182, 83,
    )),
)
# fmt: on

_SUBPIXEL_BITS: Final = 4


def region_labels(landmarks_xy: NDArray[np.float32], height_px: int, width_px: int) -> NDArray[np.uint8]:
    """Return which region each pixel belongs to.

    Args:
        landmarks_xy: (468, 2) x, y in pixels of the target frame (integer = pixel centre); points may lie outside it.
        height_px: Height of the target frame.
        width_px: Width of the target frame.

    Returns:
        (height_px, width_px) labels: 0 for no region, ``i + 1`` for ``REGIONS[i]``.

    Raises:
        ContractError: Landmarks are not (468, 2) or the frame is empty.
    """
    if landmarks_xy.shape != (LANDMARK_COUNT, 2):
        raise ContractError(f"Landmarks must be ({LANDMARK_COUNT}, 2), got {landmarks_xy.shape}.")
    if height_px < 1 or width_px < 1:
        raise ContractError(f"A region map of {width_px}x{height_px} pixels cannot be drawn.")
    fixed = np.rint(np.clip(landmarks_xy, -16384, 16384) * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    labels: NDArray[np.uint8] = np.zeros((height_px, width_px), np.uint8)
    for number in range(len(REGIONS), 0, -1):
        _fill(labels, fixed, REGIONS[number - 1].ring, number)
    _fill(labels, fixed, LIPS_OUTER, 0)
    oval: NDArray[np.uint8] = np.zeros_like(labels)
    _fill(oval, fixed, OVAL, 1)
    np.multiply(labels, oval, out=labels)
    return labels


def _fill(image: NDArray[np.uint8], fixed_xy: NDArray[np.int32], ring: tuple[int, ...], value: int) -> None:
    cv2.fillPoly(image, [fixed_xy[list(ring)]], (value,), lineType=cv2.LINE_8, shift=_SUBPIXEL_BITS)
