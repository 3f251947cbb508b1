"""Which pixels of a warped probability reach a level, computed near marks only.

A bilinear mean reaches a level only if one of its four pixels does. So the photograph is cut into small tiles, and only
those that such a pixel can reach are warped. All of them lie in one picture for OpenCV, a tile a row: a call for each
would take longer than its pixels.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.warp_steps import WarpSteps

__all__ = ["marked_in_tiles"]

_TILE_PX: Final = 16
_ROW: Final = np.uint16  # the bits of a tile's row, as np.packbits orders them
_TILES_AT_ONCE: Final = 256  # with their coordinates 600 kB, which stay in the processor's cache
_LARGEST_SHARE: Final = 0.5  # of the tiles: above, warping all of them together is as fast
_LARGEST_FOOTPRINT_PX: Final = 32.0


def marked_in_tiles(
    probability: NDArray[np.uint8], to_aligned: NDArray[np.float64], skin_bits: NDArray[np.uint8], level: int
) -> NDArray[np.uint8] | None:
    """Return where skin is marked.

    Args:
        probability: (S, S) in the aligned frame.
        to_aligned: (2, 3) from the pixels that ``skin_bits`` stands for to the aligned frame.
        skin_bits: (h, ceil(w / 8)), rows of the skin mask as ``np.packbits`` gives them.
        level: Least value of a marked pixel.

    Returns:
        (h, ceil(w / 8)) packed bits; None where tiles are no gain.
    """
    height, count = skin_bits.shape
    footprint_px = np.abs(to_aligned[:, :2]).sum(axis=1) * (_TILE_PX - 1)
    if level < 1 or not skin_bits.size or footprint_px.max() > _LARGEST_FOOTPRINT_PX:
        return None
    down, across = -(-height // _TILE_PX), -(-count // _ROW().itemsize)
    skin: NDArray[np.uint8] = np.zeros((down * _TILE_PX, across * _ROW().itemsize), np.uint8)
    skin[:height, :count] = skin_bits
    skin_rows = skin.view(_ROW).reshape(down, _TILE_PX, across)
    near = _near_marks(probability, to_aligned, footprint_px, level, (down, across))
    tiles = np.flatnonzero(near & (np.bitwise_or.reduce(skin_rows, axis=1) != 0))
    if tiles.size > _LARGEST_SHARE * near.size:
        return None
    marked = np.zeros_like(skin_rows)
    _mark(marked, tiles, probability, to_aligned, level)
    marked &= skin_rows
    return marked.view(np.uint8).reshape(down * _TILE_PX, -1)[:height, :count]


def _near_marks(
    probability: NDArray[np.uint8],
    to_aligned: NDArray[np.float64],
    footprint_px: NDArray[np.float64],
    level: int,
    shape: tuple[int, int],
) -> NDArray[np.bool_]:
    """Return which tiles a pixel of ``level`` or more can reach: all that do, and a few more."""
    # From a tile's middle to its edge, one pixel of interpolation, and half of one to the nearest pixel.
    reach_x, reach_y = (int(extent_px / 2.0 + 1.55) for extent_px in footprint_px)
    middle = to_aligned[:, :2].sum(axis=1) * ((_TILE_PX - 1) / 2.0) + to_aligned[:, 2]
    of_tiles = np.column_stack([to_aligned[:, :2] * _TILE_PX, middle])
    down, across = shape
    corners = of_tiles @ np.array([[0, across, 0, across], [0, 0, down, down], [1, 1, 1, 1]])
    far = np.array([reach_x, reach_y]) + 2
    left, top = np.clip(np.floor(corners.min(axis=1)) - far, 0, len(probability) - 1).astype(int).tolist()
    right, bottom = np.clip(np.ceil(corners.max(axis=1)) + far, 1, len(probability)).astype(int).tolist()
    seen = probability[top : max(bottom, top + 1), left : max(right, left + 1)]
    reached = cv2.threshold(seen, level - 1, 1, cv2.THRESH_BINARY)[1]
    reached = cv2.dilate(reached, np.ones((2 * reach_y + 1, 2 * reach_x + 1), np.uint8))
    of_tiles[:, 2] -= left, top
    near = cv2.warpAffine(
        reached,
        of_tiles,
        (across, down),
        flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(near, np.uint8).view(np.bool_)


def _mark(
    marked: NDArray[np.uint16],
    tiles: NDArray[np.intp],
    probability: NDArray[np.uint8],
    to_aligned: NDArray[np.float64],
    level: int,
) -> None:
    """Set the bits of ``tiles``, numbers from left to right and down, in ``marked``: (down, tile rows, across)."""
    down, _, across = marked.shape
    steps = WarpSteps.of(to_aligned, down * _TILE_PX, across * _TILE_PX)
    row_steps = [_with_ones(each.reshape(down, _TILE_PX, 1), first=True) for each in (steps.x_of_row, steps.y_of_row)]
    column_steps = [
        _with_ones(each.reshape(across, 1, _TILE_PX), first=False) for each in (steps.x_of_column, steps.y_of_column)
    ]
    warped: NDArray[np.uint8] = np.empty((_TILES_AT_ONCE, _TILE_PX * _TILE_PX), np.uint8)
    coordinates: NDArray[np.float32] = np.empty((2, _TILES_AT_ONCE, _TILE_PX, _TILE_PX), np.float32)
    y, x = np.divmod(tiles, across)
    places = (y * (_TILE_PX * across) + x)[:, np.newaxis] + across * np.arange(_TILE_PX)
    bits = marked.reshape(-1)
    for first in range(0, tiles.size, _TILES_AT_ONCE):
        part = slice(first, first + _TILES_AT_ONCE)
        count = len(y[part])
        for rows, columns, out in zip(row_steps, column_steps, coordinates, strict=True):
            np.matmul(rows[y[part]], columns[x[part]], out=out[:count])  # row + column, many times faster than adding
        source_x, source_y = coordinates[:, :count].reshape(2, count, -1)
        here = warped[:count]
        cv2.remap(probability, source_x, source_y, cv2.INTER_LINEAR, dst=here)
        cv2.threshold(here, level - 1, 1, cv2.THRESH_BINARY, dst=here)
        bits[places[part]] = np.packbits(here).view(_ROW).reshape(count, _TILE_PX)


def _with_ones(steps: NDArray[np.float32], *, first: bool) -> NDArray[np.float32]:
    """Return factors of which the product is a sum: (steps, 1) for rows, (1, steps) for columns."""
    ones = np.ones_like(steps)
    return np.concatenate([steps, ones], axis=2) if first else np.concatenate([ones, steps], axis=1)
