"""Procedural wrinkles where faces have them: forehead, frown, crow's feet, lower lid, nasolabial, marionette, cheek.

They add what few hand-drawn masks hold, above all fine cheek creases, faint forehead lines and lower-lid fans.
Coordinates are the 1024 px FFHQ frame, anchored to landmarks of the mean face.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wrinkle_train.render.lines import FRAME_PX, WrinkleLine

__all__ = ["anatomical_lines", "nasolabial_folds"]

_Points = NDArray[np.float64]
_Maker = Callable[[_Points, np.random.Generator], list[_Points]]

# Landmarks of the face mesh on the subject's right side (picture left).
_EYE_OUTER, _EYE_INNER, _EYE_BELOW = 33, 133, 145
_NOSE_WING, _MOUTH_CORNER, _BROW_INNER, _BROW_TOP, _CHEEK, _JAW = 129, 61, 55, 105, 50, 150
_FOREHEAD_TOP = 10


def anatomical_lines(template_xy: _Points, rng: np.random.Generator) -> tuple[WrinkleLine, ...]:
    """Return the wrinkles of one invented face.

    Args:
        template_xy: (468, 2) landmarks of the mean face in the 1024 px frame.
        rng: Decides everything.
    """
    strokes: list[_Points] = []
    for maker, chance in _CENTRE:
        if rng.random() < chance:
            strokes += maker(template_xy, rng)
    for maker, chance in _SIDED:
        if rng.random() < chance:
            strokes += maker(template_xy, rng)
            mirrored = template_xy.copy()
            strokes += [_mirror(points) for points in maker(mirrored, rng)]
    if rng.random() < 0.5:
        strokes = [_mirror(points) for points in strokes]
    return tuple(WrinkleLine(points.astype(np.float32), number) for number, points in enumerate(strokes))


def nasolabial_folds(template_xy: _Points, rng: np.random.Generator) -> tuple[WrinkleLine, ...]:
    """Return the folds from nose to mouth of one invented face, both sides.

    Smiling young faces have unlabelled ones of their own: without enough rendered ones a network learns to leave them
    out.
    """
    strokes = _nasolabial(template_xy, rng) + [_mirror(points) for points in _nasolabial(template_xy, rng)]
    return tuple(WrinkleLine(points.astype(np.float32), number) for number, points in enumerate(strokes))


def _mirror(points: _Points) -> _Points:
    return np.column_stack([FRAME_PX - 1 - points[:, 0], points[:, 1]])


def _curve(start: _Points, stop: _Points, bulge_px: float, rng: np.random.Generator, wobble_px: float = 2.0) -> _Points:
    """Return a parabola from start to stop that bulges sideways, with a slow random wobble."""
    length = float(np.hypot(*(stop - start)))
    count = max(int(length / 3), 4)
    t = np.linspace(0, 1, count)[:, None]
    along = (stop - start) / max(length, 1e-6)
    normal = np.array([-along[1], along[0]])
    knots = rng.normal(0, wobble_px, max(int(length / 45), 1) + 2)
    wobble = np.interp(t[:, 0], np.linspace(0, 1, len(knots)), knots)[:, None]
    smooth = np.ones(7) / 7
    wobble = np.convolve(np.pad(wobble[:, 0], 3, mode="edge"), smooth, mode="valid")[:, None]
    return np.asarray(start + t * (stop - start) + normal * (4 * bulge_px * t * (1 - t) + wobble))


def _forehead(face: _Points, rng: np.random.Generator) -> list[_Points]:
    top, bottom = face[_FOREHEAD_TOP, 1] + 8, face[_BROW_TOP, 1] - 12
    centre, lines = face[_FOREHEAD_TOP, 0], []
    for y in np.linspace(top, bottom, rng.integers(1, 7)) + rng.normal(0, 8):
        left = centre - rng.uniform(60, 250)
        right = centre + rng.uniform(60, 250)
        whole = _curve(np.array([left, y + rng.normal(0, 10)]), np.array([right, y + rng.normal(0, 10)]),
                       rng.normal(6, 12), rng, 4.0)  # fmt: skip
        lines += _broken(whole, rng)
    return lines


def _frown(face: _Points, rng: np.random.Generator) -> list[_Points]:
    centre = (face[_BROW_INNER] + [FRAME_PX - 1 - face[_BROW_INNER, 0], face[_BROW_INNER, 1]]) / 2
    lines = []
    for _ in range(rng.integers(1, 4)):
        x = centre[0] + rng.normal(0, 26)
        start = np.array([x, centre[1] - rng.uniform(10, 55)])
        stop = np.array([x + rng.normal(0, 10), centre[1] + rng.uniform(5, 50)])
        lines.append(_curve(start, stop, rng.normal(0, 5), rng))
    return lines


def _crows_feet(face: _Points, rng: np.random.Generator) -> list[_Points]:
    corner = face[_EYE_OUTER]
    lines = []
    for angle in np.linspace(-0.7, 0.9, rng.integers(2, 8)) + rng.normal(0, 0.1):
        direction = np.array([-np.cos(angle), np.sin(angle)])
        start = corner + direction * rng.uniform(14, 30)
        lines.append(_curve(start, start + direction * rng.uniform(18, 75), rng.normal(0, 5), rng))
    return lines


def _under_eye(face: _Points, rng: np.random.Generator) -> list[_Points]:
    inner, outer, below = face[_EYE_INNER], face[_EYE_OUTER], face[_EYE_BELOW]
    lines = []
    for _ in range(rng.integers(1, 8)):
        drop = below[1] + rng.uniform(8, 62)
        a, b = np.sort(rng.uniform(-0.1, 1.05, 2))
        if b - a < 0.2:
            b = a + 0.3
        start = np.array([inner[0] + (outer[0] - inner[0]) * a, drop - 12 * (1 - a) + rng.normal(0, 3)])
        stop = np.array([inner[0] + (outer[0] - inner[0]) * b, drop + rng.normal(4, 12)])
        lines.append(_curve(start, stop, -abs(rng.normal(8, 5)), rng))
    return lines


def _nasolabial(face: _Points, rng: np.random.Generator) -> list[_Points]:
    start = face[_NOSE_WING] + [-rng.uniform(6, 20), rng.uniform(-18, 10)]
    reach = rng.uniform(0.45, 1.25)
    corner = face[_MOUTH_CORNER] + [-rng.uniform(14, 42), rng.uniform(-12, 16)]
    lines = [_curve(start, start + (corner - start) * reach, rng.normal(-9, 6), rng)]
    if rng.random() < 0.3:
        shift = np.array([-rng.uniform(12, 34), rng.uniform(0, 16)])
        lines.append(_curve(start + shift + [0, 30], corner + shift, rng.normal(-9, 6), rng))
    return lines


def _marionette(face: _Points, rng: np.random.Generator) -> list[_Points]:
    start = face[_MOUTH_CORNER] + [-rng.uniform(3, 14), rng.uniform(4, 16)]
    reach = np.array([-rng.uniform(-6, 22), rng.uniform(25, 85)])
    return [_curve(start, start + reach, rng.normal(-4, 5), rng)]


def _cheek(face: _Points, rng: np.random.Generator) -> list[_Points]:
    cheek = (face[_CHEEK] * 2 + face[_JAW]) / 3
    lean, lines = rng.normal(1.2, 0.25), []
    for _ in range(rng.integers(2, 12)):
        start = cheek + rng.normal(0, (34, 55))
        angle = lean + rng.normal(0, 0.18)
        step = np.array([-np.cos(angle), np.sin(angle)]) * rng.uniform(18, 90)
        lines.append(_curve(start, start + step, rng.normal(0, 6), rng, 3.0))
    return lines


def _broken(line: _Points, rng: np.random.Generator) -> list[_Points]:
    """Return a line cut into one to three pieces, as forehead lines often are."""
    cuts = np.sort(rng.integers(3, max(len(line) - 3, 4), rng.integers(0, 3)))
    return [piece[: max(len(piece) - 3, 2)] for piece in np.split(line, cuts) if len(piece) > 4]


_CENTRE: Final[tuple[tuple[_Maker, float], ...]] = ((_forehead, 0.6), (_frown, 0.45))
_SIDED: Final[tuple[tuple[_Maker, float], ...]] = (
    (_crows_feet, 0.6), (_under_eye, 0.65), (_nasolabial, 0.65), (_marionette, 0.35), (_cheek, 0.4)
)  # fmt: skip
