"""``cv2.warpAffine`` for any part of its result, with the same bits.

OpenCV counts a row's source coordinates from its first column in whole 1/1024 px, so a warp that begins elsewhere
rounds otherwise. Here the same counts are given to ``cv2.remap``: a row's part and a column's part, to be added.

Source: OpenCV 4.11, ``imgwarp.cpp``: ``warpAffine`` adds 16 and drops five bits of the counts; ``remap`` rounds to 1/32
px, halves to even. A quarter of a count on top decides the halves as ``warpAffine`` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["WarpSteps"]

_COUNTS_PER_PX: Final = 1024.0
_FAR_PX: Final = 4095.0  # float32 holds quarters of a count up to 4096 px


@dataclass(frozen=True, slots=True, eq=False)
class WarpSteps:
    """Source coordinates of a warp: those of a pixel are its row's plus its column's.

    Attributes:
        x_of_row: (height,) float32.
        y_of_row: (height,) float32.
        x_of_column: (width,) float32.
        y_of_column: (width,) float32.
    """

    x_of_row: NDArray[np.float32]
    y_of_row: NDArray[np.float32]
    x_of_column: NDArray[np.float32]
    y_of_column: NDArray[np.float32]

    @classmethod
    def of(cls, to_source: NDArray[np.float64], height: int, width: int) -> WarpSteps:
        """Return the steps of ``cv2.warpAffine`` with ``INTER_LINEAR | WARP_INVERSE_MAP``.

        Args:
            to_source: (2, 3) from pixels of the result to the source, of which at most 4095 px are seen.
            height: Of the result.
            width: Of the result.
        """
        rows = to_source[:, 1:2] * np.arange(height) + to_source[:, 2:3]
        columns = to_source[:, :1] * np.arange(width)
        return cls(*_counted(rows, 0.0), *_counted(columns, 0.25))


def _counted(coordinates: NDArray[np.float64], more: float) -> NDArray[np.float32]:
    counts = np.rint(coordinates * _COUNTS_PER_PX) + more
    limit = _FAR_PX * _COUNTS_PER_PX
    return np.asarray(np.clip(counts, -limit, limit) / _COUNTS_PER_PX, np.float32)
