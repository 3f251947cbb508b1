"""How well the face is in focus.

Blurring takes fine detail away and leaves coarse detail. So the contrast of the detail between 1 and 2 px (standard
deviations of Gaussians) is divided by that between 2 and 4 px, along rows and along columns, and the smaller ratio
counts: camera shake blurs one direction only. A ratio does not depend on brightness or contrast, and at these scales
neither noise nor JPEG artefacts look like focus. It is measured inside the face's outline, eyes and lips included, for
smooth skin alone tells little.

Source: difference-of-Gaussians bands, after Crete et al., "The blur effect" (SPIE 6492, 2007), who compare a picture's
variation with that of its blurred copy.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["sharpness"]

_SIDE_PX: Final = 512  # both networks' faces are measured at this side
_SIGMAS_PX: Final = (1.0, 2.0, 4.0)
_MARGIN_PX: Final = 4  # the outline's own edge is left out
_FLAT_CONTRAST: Final = 0.1  # grey levels; keeps a flat picture at 0


def _band(finer_px: float, coarser_px: float) -> NDArray[np.float32]:
    """Return the (n, 1) filter that keeps detail between two Gaussians: their difference."""
    coarser, finer = (
        np.asarray(cv2.getGaussianKernel(2 * round(3.0 * sigma_px) + 1, sigma_px, cv2.CV_32F), np.float32)
        for sigma_px in (coarser_px, finer_px)
    )
    edge = (len(coarser) - len(finer)) // 2
    return np.asarray(np.pad(finer, ((edge, edge), (0, 0))) - coarser, np.float32)


_BANDS: Final = [_band(*pair) for pair in pairwise(_SIGMAS_PX)]


def sharpness(aligned_rgb: NDArray[np.uint8], aligned_mask: NDArray[np.uint8]) -> float:
    """Return the focus of an aligned face.

    Args:
        aligned_rgb: (S, S, 3) uint8, S >= 512, unmasked.
        aligned_mask: (S, S) in {0, 1}; its convex hull is measured.

    Returns:
        0 for an empty mask or flat picture. Over 72 photographs (median): 0.59 as they are, 0.48 after a Gaussian blur
        of 1 px at side 512, 0.42 of 1.5 px, 0.37 of 2 px, 0.35 after a shake of 9 px.
    """
    if aligned_mask.shape[0] != _SIDE_PX:
        aligned_mask = np.asarray(
            cv2.resize(aligned_mask, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_NEAREST), np.uint8
        )
    inside = _inside(aligned_mask)
    left, top, width, height = cv2.boundingRect(inside)
    if width == 0:
        return 0.0
    scale = aligned_rgb.shape[0] / _SIDE_PX
    rows, columns = (slice(int(low * scale), int((low + px) * scale)) for low, px in ((top, height), (left, width)))
    face_rgb = cv2.resize(aligned_rgb[rows, columns], (width, height), interpolation=cv2.INTER_AREA)
    gray = cv2.cvtColor(face_rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    inside = inside[top : top + height, left : left + width]
    return min(_detail_ratio(gray, inside, bands) for bands in (_BANDS, [band.T for band in _BANDS]))


def _inside(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the mask's convex hull, shrunk by the margin."""
    inside: NDArray[np.uint8] = np.zeros_like(mask)
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if outlines:
        hull = cv2.convexHull(np.concatenate(outlines))
        cv2.fillConvexPoly(inside, hull, (1,))
        cv2.polylines(inside, [hull], True, (0,), thickness=2 * _MARGIN_PX + 1)
    return inside


def _detail_ratio(gray: NDArray[np.float32], inside: NDArray[np.uint8], bands: list[NDArray[np.float32]]) -> float:
    fine, coarse = (float(cv2.meanStdDev(cv2.filter2D(gray, cv2.CV_32F, band), mask=inside)[1][0, 0]) for band in bands)
    return fine / (coarse + _FLAT_CONTRAST)
