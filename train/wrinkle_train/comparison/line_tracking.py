"""Hessian line tracking (HLT), after Ng, Yap, Costen and Li 2015: Hessian seeding, then directional line tracking.

Known: the two steps, and that tracking recovers hidden links between detected pieces. The rules of tracking below are
ours: all tracks of one scale walk at the same time, one pixel a step, each towards the darkest of five headings within
30 degrees of its own, or straight on where that has no contrast: so a track crosses a short gap.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.errors import InvalidParameterError
from wrinkle_train.comparison.answer import LineAnswer
from wrinkle_train.comparison.frame import FaceFrame, face_frame
from wrinkle_train.comparison.hessian import line_angle
from wrinkle_train.comparison.hybrid_hessian import hybrid_response
from wrinkle_train.comparison.pieces import LABEL_WIDTH_PX, long_skeleton, widened

__all__ = ["line_tracking", "track_votes"]

_Plane = NDArray[np.float32]

_SIGMAS_PX: Final = (1.0, 2.0, 3.0)
_SEED_RESPONSE: Final = 0.8
_SEED_SPACING_PX: Final = 6.0
_TURNS_RAD: Final = np.deg2rad(np.array([-30, -15, 0, 15, 30], np.float32))
_STRAIGHT: Final = 2
_MISSES: Final = 10
_LONGEST_PX: Final = 200.0
_LEAST_VOTES: Final = 2
_SHORTEST_PX: Final = 15.0
_LEAST_ELONGATION: Final = 3.0
_CHUNK: Final = 16_384  # OpenCV's remap takes no more than 32,767 rows


def line_tracking(face_rgb: NDArray[np.uint8], skin: NDArray[np.uint8], *, threshold: float) -> LineAnswer:
    """Mark the lines of one face: pixels that at least 2 tracks of any scale went through, thinned and widened.

    Args:
        face_rgb: (S, S, 3) uint8 RGB, aligned.
        skin: (S, S) uint8 {0, 1}.
        threshold: Least contrast of a line, 0 < threshold < 1: how much darker its middle is than the darker of its
            two sides, as a share of that side.

    Returns:
        Mask and response; the response is the number of tracks through each pixel. Pieces under 15 px of the 512 px
        frame are dropped.

    Raises:
        ContractError: The face or its mask is not as above.
        InvalidParameterError: The threshold is out of range.
    """
    if not 0 < threshold < 1:
        raise InvalidParameterError(f"The contrast of a tracked line is 0 to 1, got {threshold}.")
    frame = face_frame(face_rgb, skin)
    votes = track_votes(frame, threshold)
    tracked = (votes >= _LEAST_VOTES).astype(np.uint8)
    closed = np.asarray(cv2.morphologyEx(tracked, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)), np.uint8)
    kept = long_skeleton(closed & frame.interior, frame.px(_SHORTEST_PX), _LEAST_ELONGATION)
    return LineAnswer(widened(kept, frame.px(LABEL_WIDTH_PX)) & skin, votes)


def track_votes(frame: FaceFrame, least_contrast: float) -> NDArray[np.float32]:
    """Return how many tracks went through each pixel, (S, S) float32, accumulated over scales.

    A track ends at the edge of the skin, after 10 pixels in a row under ``least_contrast`` (they are not counted) or
    after 200 px; the last two lengths are pixels of the 512 px frame.
    """
    votes = np.zeros(frame.grey.shape, np.float32)
    for sigma_px in _SIGMAS_PX:
        smooth = np.asarray(cv2.GaussianBlur(frame.grey, (0, 0), frame.px(sigma_px)), np.float32)
        xy, heading = _seeds(frame, smooth, sigma_px)
        if len(xy):
            both_xy = np.concatenate([xy, xy])
            both_heading = np.concatenate([heading, heading + np.float32(np.pi)])
            passed = _walk(frame, smooth, both_xy, both_heading, frame.px(2 * sigma_px), least_contrast)
            votes += np.bincount(passed, minlength=votes.size).reshape(votes.shape).astype(np.float32)
    return votes


def _seeds(frame: FaceFrame, smooth: _Plane, sigma_px: float) -> tuple[_Plane, _Plane]:
    """Return (N, 2) x, y on the middle of lines and (N,) headings: one seed a cell where HHF is strong."""
    rows, columns = np.nonzero(hybrid_response(frame, (sigma_px,), both_axes=True) >= _SEED_RESPONSE)
    cell = max(round(frame.px(_SEED_SPACING_PX)), 1)
    _, first = np.unique((rows // cell) * frame.grey.shape[1] + columns // cell, return_index=True)
    xy = np.column_stack([columns[first], rows[first]]).astype(np.float32)
    if not len(xy):
        return xy, np.zeros(0, np.float32)
    angle = line_angle(frame.grey, frame.px(sigma_px))
    across = _at(angle, xy) + np.float32(np.pi / 2)
    reach = frame.px(sigma_px + 2)
    offsets = np.linspace(-reach, reach, 2 * round(2 * reach) + 1, dtype=np.float32)
    profile_xy = xy[:, None] + offsets[None, :, None] * _unit(across)[:, None]
    darkest = _sampled(smooth, profile_xy).argmin(axis=1)
    middle = profile_xy[np.arange(len(xy)), darkest]
    return middle, _at(angle, middle)


def _walk(
    frame: FaceFrame, smooth: _Plane, xy: _Plane, heading: _Plane, flank_px: float, least_contrast: float
) -> NDArray[np.int64]:
    """Walk all tracks to their ends; return the flat indices of their confirmed pixels, one a step."""
    side_px = frame.grey.shape[0]
    most_misses = round(frame.px(_MISSES))
    misses = np.zeros(len(xy), np.int64)
    pending = np.zeros((len(xy), most_misses), np.int64)  # the pixels since the last confirmed one
    confirmed_pixels = [np.zeros(0, np.int64)]
    for _ in range(round(frame.px(_LONGEST_PX))):
        headings = heading[:, None] + _TURNS_RAD[None]
        ahead = xy[:, None] + _unit(headings)
        chosen = _sampled(smooth, ahead).argmin(axis=1)
        every = np.arange(len(xy))
        confirmed = _contrast(smooth, ahead[every, chosen], headings[every, chosen], flank_px) >= least_contrast
        chosen[~confirmed] = _STRAIGHT
        xy, heading = ahead[every, chosen], headings[every, chosen]
        column, row = np.clip(np.rint(xy).astype(np.int64), 0, side_px - 1).T
        pending[every, misses] = row * side_px + column
        since = np.arange(most_misses)[None] <= misses[:, None]
        confirmed_pixels.append(pending[since & confirmed[:, None]])
        misses = np.where(confirmed, 0, misses + 1)
        alive = (misses < most_misses) & (frame.interior[row, column] > 0)
        xy, heading, misses, pending = xy[alive], heading[alive], misses[alive], pending[alive]
        if not len(xy):
            break
    return np.concatenate(confirmed_pixels)


def _contrast(smooth: _Plane, xy: _Plane, heading: _Plane, flank_px: float) -> _Plane:
    """Return how much darker (N, 2) ``xy`` is than the darker point at ``flank_px`` beside it, as a share of that."""
    side = flank_px * _unit(heading + np.float32(np.pi / 2))
    profile = _sampled(smooth, np.stack([xy - side, xy, xy + side], axis=1))
    darker_flank = np.minimum(profile[:, 0], profile[:, 2])
    return np.asarray((darker_flank - profile[:, 1]) / np.maximum(darker_flank, 1), np.float32)


def _unit(angle: _Plane) -> _Plane:
    return np.asarray(np.stack([np.cos(angle), np.sin(angle)], axis=-1), np.float32)


def _at(plane: _Plane, xy: _Plane) -> _Plane:
    """Return the values of the pixels nearest to (N, 2) x, y."""
    nearest = np.clip(np.rint(xy).astype(np.int64), 0, np.array(plane.shape[::-1]) - 1)
    return np.asarray(plane[nearest[:, 1], nearest[:, 0]], np.float32)


def _sampled(plane: _Plane, xy: _Plane) -> _Plane:
    """Return bilinear samples (N, K) of ``plane`` at (N, K, 2) x, y; beyond the border the border's value."""
    x, y = np.ascontiguousarray(xy[..., 0]), np.ascontiguousarray(xy[..., 1])
    rows = [
        cv2.remap(plane, x[n : n + _CHUNK], y[n : n + _CHUNK], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for n in range(0, len(x), _CHUNK)
    ]
    return np.asarray(np.concatenate(rows), np.float32)
