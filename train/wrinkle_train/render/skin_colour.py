"""Which pixels of one face have that face's skin colour.

Takes out sunglasses, fringe, beard, hat and hands in front of a face, so that no wrinkle lands on them.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.face_mask import LEFT_BROW, LEFT_EYE, RIGHT_BROW, RIGHT_EYE

__all__ = ["eye_zone", "is_dark", "skin_coloured"]

_CHROMA_FLOOR: Final = 4.0
_CHROMA_LIMIT: Final = 3.2
_DARKEST: Final = 0.45  # of the face's median lightness
_LENS_GROWTH: Final = 2.3
_LENS_LIGHTNESS: Final = 0.62
_OPEN_PX, _CLOSE_PX = 5, 9


def skin_coloured(photo_rgb: NDArray[np.uint8], face: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (H, W) {0, 1}: pixels of ``face`` whose colour is near the face's median in CIE Lab.

    Args:
        photo_rgb: (H, W, 3) uint8.
        face: (H, W) {0, 1}, the face mask.
    """
    lab = cv2.cvtColor(cv2.GaussianBlur(photo_rgb, (0, 0), 1.5), cv2.COLOR_RGB2LAB).astype(np.float32)
    reference = lab[cv2.erode(face, np.ones((9, 9), np.uint8)) > 0]
    if len(reference) < 100:
        return face.copy()
    median = np.median(reference, axis=0)
    spread = np.maximum(1.4826 * np.median(np.abs(reference - median), axis=0), _CHROMA_FLOOR)
    chroma = np.hypot((lab[..., 1] - median[1]) / spread[1], (lab[..., 2] - median[2]) / spread[2])
    coloured = ((chroma < _CHROMA_LIMIT) & (lab[..., 0] > _DARKEST * median[0])).astype(np.uint8) & face
    ellipse = cv2.getStructuringElement
    coloured = cv2.morphologyEx(coloured, cv2.MORPH_CLOSE, ellipse(cv2.MORPH_ELLIPSE, (_CLOSE_PX, _CLOSE_PX)))
    coloured = cv2.morphologyEx(coloured, cv2.MORPH_OPEN, ellipse(cv2.MORPH_ELLIPSE, (_OPEN_PX, _OPEN_PX)))
    return np.asarray(cv2.bitwise_and(coloured, face), np.uint8)


def eye_zone(landmarks_xy: NDArray[np.float32], size_hw: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return (H, W) {0, 1}: where sunglasses would sit, around eyes and brows."""
    zone: NDArray[np.uint8] = np.zeros(size_hw, np.uint8)
    for eye, brow in ((LEFT_EYE, LEFT_BROW), (RIGHT_EYE, RIGHT_BROW)):
        points = landmarks_xy[[*eye, *brow]]
        centre = points.mean(axis=0)
        hull = cv2.convexHull(np.rint(centre + (points - centre) * _LENS_GROWTH).astype(np.int32))
        cv2.fillPoly(zone, [hull], (1,))
    return zone


def is_dark(
    photo_rgb: NDArray[np.uint8], face: NDArray[np.uint8], skin: NDArray[np.uint8], zone: NDArray[np.uint8]
) -> bool:
    """Return whether ``face`` is much darker inside ``zone`` than ``skin`` is outside it: sunglasses."""
    lightness = cv2.cvtColor(photo_rgb, cv2.COLOR_RGB2LAB)[..., 0]
    inside, outside = lightness[(zone & face) > 0], lightness[(skin > 0) & (zone == 0)]
    return bool(len(inside) and len(outside) and np.median(inside) < _LENS_LIGHTNESS * np.median(outside))
