"""Which pixels of a face are skin, from its 468-point mesh.

Rings are closed and in order, checked edge by edge against the mesh's tessellation; left and right are the subject's.
Paper 1 (UNet++) drops the nose, paper 2 (texture map) keeps it, so the two masks are never interchangeable.
MediaPipe's eyebrow connections are two open lines a side: the BROW rings join them. NOSE is ours, no paper gives one.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.contract import MaskRule
from wrinkle_core.errors import ContractError
from wrinkle_core.geometry import LANDMARK_COUNT

__all__ = [
    "LEFT_BROW",
    "LEFT_EYE",
    "LIPS_INNER",
    "LIPS_OUTER",
    "NOSE",
    "OVAL",
    "RIGHT_BROW",
    "RIGHT_EYE",
    "face_mask",
]

# fmt: off
OVAL: Final = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)
LEFT_EYE: Final = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
RIGHT_EYE: Final = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
LEFT_BROW: Final = (276, 283, 282, 295, 285, 336, 296, 334, 293, 300)
RIGHT_BROW: Final = (46, 53, 52, 65, 55, 107, 66, 105, 63, 70)
LIPS_OUTER: Final = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185,
)
LIPS_INNER: Final = (
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191,
)
NOSE: Final = (
    168, 122, 188, 114, 217, 126, 209, 129, 64, 98, 97, 2, 326, 327, 294, 358, 429, 355, 437, 343, 412, 351,
)
# fmt: on

_SUBPIXEL_BITS: Final = 4


def face_mask(
    landmarks_xy: NDArray[np.float32],
    height_px: int,
    width_px: int,
    rule: MaskRule,
    *,
    drop_brows: bool = True,
    dilate_px: int = 0,
) -> NDArray[np.uint8]:
    """Return the region a segmenter may look at and mark.

    Args:
        landmarks_xy: (468, 2) x, y in pixels of the target frame; points may lie outside it.
        height_px: Height of the target frame.
        width_px: Width of the target frame.
        rule: ``SKIN`` (paper 1, without the nose) or ``FACE`` (paper 2, with it).
        drop_brows: Leave the eyebrows out; paper 1 is silent, off is its literal text.
        dilate_px: Grow the holes by this radius in pixels, to stay clear of lashes and lip edges.

    Returns:
        (height_px, width_px) mask in {0, 1}.

    Raises:
        ContractError: Landmarks are not (468, 2) or the frame is empty.

    Source:
        Paper 1: face mesh of 468 points, mask without eyes, nose, mouth and background.
    """
    if landmarks_xy.shape != (LANDMARK_COUNT, 2):
        raise ContractError(f"Landmarks must be ({LANDMARK_COUNT}, 2), got {landmarks_xy.shape}.")
    if height_px < 1 or width_px < 1 or dilate_px < 0:
        raise ContractError(f"A mask of {width_px}x{height_px} with holes grown by {dilate_px} px cannot be drawn.")
    mask: NDArray[np.uint8] = np.zeros((height_px, width_px), np.uint8)
    fixed = np.rint(np.clip(landmarks_xy, -16384, 16384) * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    _fill(mask, fixed[list(OVAL)], 1)
    holes = [LEFT_EYE, RIGHT_EYE, LIPS_OUTER]
    if rule is MaskRule.SKIN:
        holes.append(NOSE)
    if drop_brows:
        holes += [LEFT_BROW, RIGHT_BROW]
    # Separate calls: one call over several rings fills even-odd and would re-open overlaps.
    for ring in holes:
        _fill(mask, fixed[list(ring)], 0)
        if dilate_px:
            cv2.polylines(mask, [fixed[list(ring)]], True, (0,), thickness=2 * dilate_px + 1, shift=_SUBPIXEL_BITS)
    return mask


def _fill(mask: NDArray[np.uint8], ring: NDArray[np.int32], value: int) -> None:
    cv2.fillPoly(mask, [ring], (value,), lineType=cv2.LINE_8, shift=_SUBPIXEL_BITS)
