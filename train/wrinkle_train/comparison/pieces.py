"""Connected pieces of a line mask: which are large, long or elongated enough to be a wrinkle."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.morphology import skeletonize

__all__ = ["LABEL_WIDTH_PX", "large_pieces", "long_skeleton", "widened"]

LABEL_WIDTH_PX: Final = 3.0
"""Width of a marked line in the 512 px frame. Drawn labels are 1.5 px wide there; 3 covers them when a line is found
half a pixel beside its middle."""


def large_pieces(mask: NDArray[np.uint8], smallest_area: float) -> NDArray[np.uint8]:
    """Keep the 8-connected pieces of (H, W) ``mask`` {0, 1} with at least ``smallest_area`` pixels."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    kept = stats[:, cv2.CC_STAT_AREA] >= smallest_area
    kept[0] = False
    return np.asarray(kept[labels], np.uint8)


def long_skeleton(mask: NDArray[np.uint8], shortest_px: float, least_elongation: float) -> NDArray[np.uint8]:
    """Thin a mask and keep the pieces that are long and narrow.

    Args:
        mask: (H, W) uint8 {0, 1}.
        shortest_px: Least number of skeleton pixels of a piece.
        least_elongation: Least length / width, where width = area / length, so that a curved line counts as long.

    Returns:
        (H, W) uint8 {0, 1}, one pixel wide.
    """
    count, labels = cv2.connectedComponents(mask, connectivity=8)
    thin = np.asarray(skeletonize(mask > 0), np.uint8)  # type: ignore[no-untyped-call]
    area = np.bincount(labels.ravel(), minlength=count)
    length = np.bincount(labels[thin > 0], minlength=count)
    kept = (length >= shortest_px) & (length.astype(np.float64) ** 2 >= least_elongation * area)
    kept[0] = False
    return np.asarray(thin * kept[labels], np.uint8)


def widened(skeleton: NDArray[np.uint8], width_px: float) -> NDArray[np.uint8]:
    """Widen one-pixel lines of (H, W) uint8 {0, 1} to the nearest odd width of at least 1."""
    side = 2 * max(round((width_px - 1) / 2), 0) + 1
    return np.asarray(cv2.dilate(skeleton, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))), np.uint8)
