"""Which lines are kept, new or gone between two masks in one frame.

A line of one photograph has a counterpart in the other when a marked pixel lies within ``TOLERANCE_IOD`` of it: the
alignment leaves a residual, and the networks mark the same crease a little to the side. Pieces shorter than twice the
tolerance are taken for the frayed ends of a line that has a counterpart. Only skin that both photographs show counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_client.before_after.alignment import AlignedPair
from wrinkle_core.centre_lines import trace_lines

__all__ = ["TOLERANCE_IOD", "LineChanges", "find_line_changes"]

TOLERANCE_IOD: Final = 0.035


@dataclass(frozen=True, slots=True, eq=False)
class LineChanges:
    """Masks in the common frame, (S, S) uint8 in {0, 1}, and the lengths of their centre-lines.

    Attributes:
        kept: Lines of the second photograph that the first has too.
        new: Lines of the second only.
        gone: Lines of the first only.
        kept_iod: Length of the kept lines in inter-ocular distances; likewise the others.
        new_iod: Length of the new lines.
        gone_iod: Length of the gone lines.
    """

    kept: NDArray[np.uint8]
    new: NDArray[np.uint8]
    gone: NDArray[np.uint8]
    kept_iod: float
    new_iod: float
    gone_iod: float


def find_line_changes(pair: AlignedPair) -> LineChanges:
    """Compare the masks of two aligned photographs."""
    both_seen = pair.before.seen & pair.after.seen
    before, after = pair.before.mask & both_seen, pair.after.mask & both_seen
    tolerance_px = max(1, round(TOLERANCE_IOD * pair.interocular_px))
    new = _without_counterpart(after, before, tolerance_px)
    gone = _without_counterpart(before, after, tolerance_px)
    kept = after & (1 - new)
    after_iod, new_iod = _length_iod(after, new, pair.interocular_px)
    _, gone_iod = _length_iod(before, gone, pair.interocular_px)
    return LineChanges(kept, new, gone, round(after_iod - new_iod, 3), round(new_iod, 3), round(gone_iod, 3))


def _without_counterpart(mask: NDArray[np.uint8], other: NDArray[np.uint8], tolerance_px: int) -> NDArray[np.uint8]:
    """Return the parts of ``mask`` that are farther than ``tolerance_px`` from ``other``."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * tolerance_px + 1, 2 * tolerance_px + 1))
    alone = mask & (cv2.dilate(other, disc) == 0).astype(np.uint8)
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(alone, connectivity=8)
    long_enough = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1) >= 2 * tolerance_px
    long_enough[0] = False
    return np.asarray(long_enough[pieces], np.uint8)


def _length_iod(mask: NDArray[np.uint8], part: NDArray[np.uint8], interocular_px: float) -> tuple[float, float]:
    """Return the centre-line length of ``mask``, and of its pixels in ``part``."""
    lines = trace_lines(mask)
    lengths_iod = lines.length_px / interocular_px
    return float(lengths_iod.sum()), float(lengths_iod[part[lines.y, lines.x] == 1].sum())
