"""Outlines of a mask's areas as polygons, traced by contourpy."""

from __future__ import annotations

import contourpy
import numpy as np
from numpy.typing import NDArray

__all__ = ["outlines"]


def outlines(mask: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """Return closed polygons around the marked pixels; see ``SegmentationResult.contours``.

    Args:
        mask: (H, W) in {0, 1}.

    Returns:
        (N, 2) float32 arrays of x, y in pixels of the mask, pixel centres at whole numbers.
    """
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if rows.size == 0:
        return []
    top, left = int(rows[0]), int(columns[0])
    marked = mask[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1]
    # A frame of unmarked pixels closes the outlines of areas that touch the picture's edge.
    framed = np.pad(marked, 1).astype(np.float32)
    lines = contourpy.contour_generator(z=framed, line_type=contourpy.LineType.Separate).lines(0.5)
    offset = np.array([left - 1, top - 1], np.float32)
    return [np.asarray(line, np.float32) + offset for line in lines]
