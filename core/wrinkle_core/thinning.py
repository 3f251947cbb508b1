"""Thinning a mask to lines one pixel wide (Zhang-Suen 1984).

scikit-image goes over the whole picture until its widest line is thin, and most of a mask is no line. Lines that do not
touch are thinned without regard to one another. So they are laid side by side on strips, those of about one height
together: the same pixels are left, and there is a quarter of the area to go over.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from skimage.morphology import skeletonize

__all__ = ["thinned"]


def thinned(
    mask: NDArray[np.bool_], y: NDArray[np.intp], x: NDArray[np.intp], line: NDArray[np.intp], count: int
) -> NDArray[np.bool_]:
    """Return which pixels of a mask are left when it is thinned, as ``skeletonize(mask)[y, x]`` says it.

    Args:
        mask: (H, W).
        y: (K,) rows of its pixels.
        x: (K,) their columns.
        line: (K,) number of the 8-connected component that each is in, 0 up to ``count - 1``; none is missing.
        count: Number of components.
    """
    top, left = (np.full(count, max(mask.shape)) for _ in range(2))
    bottom, right = (np.zeros(count, np.intp) for _ in range(2))
    for first, last, position in ((top, bottom, y), (left, right, x)):
        np.minimum.at(first, line, position)
        np.maximum.at(last, line, position)
    begin, stride = np.empty(count, np.intp), np.empty(count, np.intp)
    strips: list[tuple[slice, int]] = []
    area = 0
    for lines, height in _of_one_height(bottom - top + 1):
        ends = np.cumsum(right[lines] - left[lines] + 2)  # one free column beside each
        width = int(ends[-1])
        begin[lines[0]] = area
        begin[lines[1:]] = area + ends[:-1]
        stride[lines] = width
        strips.append((slice(area, area + height * width), width))
        area += height * width
    if area >= mask.size:  # long lines across one another
        return np.asarray(skeletonize(mask)[y, x], np.bool_)  # type: ignore[no-untyped-call]
    place = (begin - top * stride - left)[line] + y * stride[line] + x
    canvas: NDArray[np.bool_] = np.zeros(area, np.bool_)
    canvas[place] = True
    for strip, width in strips:
        canvas[strip] = skeletonize(canvas[strip].reshape(-1, width)).ravel()  # type: ignore[no-untyped-call]
    left_over: NDArray[np.bool_] = canvas[place]
    return left_over


def _of_one_height(heights: NDArray[np.intp]) -> Iterator[tuple[NDArray[np.intp], int]]:
    """Yield the lines whose heights lie between the same two powers of two, and the largest of these heights."""
    powers = np.frexp(heights - 1)[1]
    for power in np.unique(powers):
        lines = np.flatnonzero(powers == power)
        yield lines, int(heights[lines].max())
