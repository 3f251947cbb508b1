"""Hand-drawn wrinkle masks as lines: ordered points in the 1024 px FFHQ frame.

A mask is thinned to its skeleton, cut at junctions and traced. Pieces of one connected drawing keep a common ``stroke``
number, so a wrinkle gets one depth and one width although it may fork.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.morphology import skeletonize

__all__ = ["FRAME_PX", "WrinkleLine", "read_mask_lines", "trace_lines"]

FRAME_PX: Final = 1024
_SHORTEST_PX: Final = 6
_SPACING_PX: Final = 3
_SMOOTHING: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class WrinkleLine:
    """One piece of a wrinkle.

    Attributes:
        points_xy: (K, 2) float32 in the 1024 px FFHQ frame, in order, about 3 px apart.
        stroke: Pieces with the same number belong to one wrinkle.
    """

    points_xy: NDArray[np.float32]
    stroke: int


def trace_lines(mask: NDArray[np.uint8], offset_xy: tuple[int, int] = (0, 0)) -> tuple[WrinkleLine, ...]:
    """Return the lines of a wrinkle mask.

    Args:
        mask: (H, W), above 127 is wrinkle.
        offset_xy: Where the mask's corner lies in the 1024 px frame.
    """
    skeleton = np.pad(np.asarray(skeletonize(mask > 127), np.uint8), 1)  # type: ignore[no-untyped-call]
    neighbours = cv2.filter2D(skeleton, -1, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT) - skeleton
    _, strokes = cv2.connectedComponents(skeleton, connectivity=8)
    paths = skeleton.copy()
    paths[(skeleton > 0) & (neighbours > 2)] = 0
    count, pieces = cv2.connectedComponents(paths, connectivity=8)
    rows, columns = np.nonzero(pieces)
    labels = pieces[rows, columns]
    order = np.argsort(labels, kind="stable")
    bounds = np.searchsorted(labels[order], np.arange(1, count + 1))
    lines = []
    for start, stop in pairwise(bounds.tolist()):
        if stop - start < _SHORTEST_PX:
            continue
        members = order[start:stop]
        pixels = np.column_stack([columns[members], rows[members]])
        stroke = int(strokes[pixels[0, 1], pixels[0, 0]])
        ordered = _smooth(_ordered(pixels).astype(np.float32) - 1)
        lines.append(WrinkleLine(ordered + np.array(offset_xy, np.float32), stroke))
    return tuple(lines)


def read_mask_lines(path: Path, top: int, left: int) -> tuple[WrinkleLine, ...]:
    """Return the lines of a mask file whose corner lies at row ``top``, column ``left`` of the 1024 px frame."""
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise FileNotFoundError(f"{path.name} is missing or no image")
    return trace_lines(np.asarray(mask, np.uint8), (left, top))


def _ordered(pixels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the pixels of one unbranched path from end to end."""
    waiting = {(int(x), int(y)) for x, y in pixels}
    steps = [(dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if dx or dy]
    steps.sort(key=lambda step: abs(step[0]) + abs(step[1]))
    ends = [p for p in waiting if sum((p[0] + dx, p[1] + dy) in waiting for dx, dy in steps) <= 1]
    here = min(ends) if ends else min(waiting)
    path = [here]
    waiting.discard(here)
    while True:
        ahead = [(here[0] + dx, here[1] + dy) for dx, dy in steps]
        ahead = [p for p in ahead if p in waiting]
        if not ahead:
            return np.array(path, np.int64)
        here = ahead[0]
        waiting.discard(here)
        path.append(here)


def _smooth(points: NDArray[np.float32]) -> NDArray[np.float32]:
    half = min(_SMOOTHING // 2, (len(points) - 1) // 2)
    padded = np.pad(points, ((half, half), (0, 0)), mode="edge")
    kernel = np.ones(2 * half + 1) / (2 * half + 1)
    smooth = np.column_stack([np.convolve(padded[:, axis], kernel, mode="valid") for axis in (0, 1)])
    kept = np.unique(np.append(np.arange(0, len(smooth), _SPACING_PX), len(smooth) - 1))
    return np.asarray(smooth[kept], np.float32)
