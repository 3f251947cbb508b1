"""Hybrid Hessian filter (HHF), after Ng, Yap, Costen and Li 2014.

The recipe is second-hand, from a public audit that quotes the paper: first a derivative of the 0-255 image, then the
Hessian of *that*. Such a filter is zero in the middle of a line and answers on its flanks: as a dark-ridge filter on
the upper flank (vertical derivative) or the left flank (horizontal derivative) of a dark line, half a line's width from
its middle. Differs from ``skimage.filters.hessian``, which has neither derivative nor area step and gives rejected
pixels the full response 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.errors import InvalidParameterError
from wrinkle_train.comparison.answer import LineAnswer
from wrinkle_train.comparison.frame import FaceFrame, face_frame
from wrinkle_train.comparison.hessian import curvature
from wrinkle_train.comparison.pieces import large_pieces

__all__ = ["SIGMAS_PX", "SMALLEST_AREA_PX", "hybrid_hessian", "hybrid_response"]

SIGMAS_PX: Final = (1.0, 3.0, 5.0, 7.0)
SMALLEST_AREA_PX: Final = 250.0
_BETA1, _BETA2 = 0.5, 15.0


def hybrid_hessian(
    face_rgb: NDArray[np.uint8], skin: NDArray[np.uint8], *, threshold: float, both_axes: bool = True
) -> LineAnswer:
    """Mark the lines of one face: response at or above ``threshold``, 8-connected regions under 250 px dropped.

    Args:
        face_rgb: (S, S, 3) uint8 RGB, aligned.
        skin: (S, S) uint8 {0, 1}.
        threshold: Cut of the response, 0 < threshold < 1.
        both_axes: Take the horizontal derivative as well as the vertical one. The original, for foreheads, takes the
            vertical one only and so misses upright lines.

    Returns:
        Mask and response in [0, 1]. The area is in pixels of the 512 px frame.

    Raises:
        ContractError: The face or its mask is not as above.
        InvalidParameterError: The threshold is out of range.
    """
    if not 0 < threshold < 1:
        raise InvalidParameterError(f"The threshold of the hybrid Hessian filter is 0 to 1, got {threshold}.")
    frame = face_frame(face_rgb, skin)
    response = hybrid_response(frame, SIGMAS_PX, both_axes=both_axes)
    marked = (response >= threshold).astype(np.uint8)
    return LineAnswer(large_pieces(marked, frame.area(SMALLEST_AREA_PX)), response)


def hybrid_response(frame: FaceFrame, sigmas_px: Sequence[float], *, both_axes: bool) -> NDArray[np.float32]:
    """Return the largest HHF response over scales and axes.

    Per scale, with |l1| <= |l2| the eigenvalues of the Hessian of the derivative image, R = (l1 / l2)^2 and
    S = l1^2 + l2^2: exp(-R / 0.5) (1 - exp(-S / 15)) where l2 > 0, else 0. Ours: also 0 where the grey image
    itself is not curved like a dark line at that scale, or a bright line within 2 sigma is curved more than any dark
    one, because the derivative alone cannot tell dark lines from bright ones.

    Args:
        frame: The face.
        sigmas_px: Scales in pixels of the 512 px frame.
        both_axes: See ``hybrid_hessian``.

    Returns:
        (S, S) float32 [0, 1], 0 outside the interior.
    """
    best = np.zeros(frame.grey.shape, np.float32)
    # Central differences per pixel of the 512 px frame, so that beta2 means the same at every size.
    per_px = 0.5 * frame.scale
    slopes = [
        np.asarray(cv2.Sobel(frame.grey, cv2.CV_32F, dx, dy, ksize=1, scale=per_px), np.float32)
        for dx, dy in ([(0, 1), (1, 0)] if both_axes else [(0, 1)])
    ]
    for sigma_px in sigmas_px:
        dark = _on_dark_line(frame.grey, frame.px(sigma_px))
        for slope in slopes:
            found = curvature(slope, frame.px(sigma_px))
            blobness = (found.small / np.where(found.large == 0, 1, found.large)) ** 2
            structure = found.small**2 + found.large**2
            response = np.exp(-blobness / _BETA1) * (1 - np.exp(-structure / _BETA2))
            np.maximum(best, np.where(dark & (found.large > 0), response, 0), out=best)
    return best * frame.interior


def _on_dark_line(grey: NDArray[np.float32], sigma_px: float) -> NDArray[np.bool_]:
    """Return where the curvature is that of a dark line and no bright one within 2 sigma outdoes the darkest there."""
    large = curvature(grey, sigma_px).large
    reach = np.ones((2 * round(2 * sigma_px) + 1,) * 2, np.uint8)
    return np.asarray((large > 0) & (cv2.dilate(large, reach) >= cv2.dilate(-large, reach)))
