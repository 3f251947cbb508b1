"""The curves of a pair of spectacles on a face: rims, bridge, nose pads and temples.

All sizes are fractions of the inter-ocular distance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wrinkle_core.face_mask import LEFT_EYE, RIGHT_EYE
from wrinkle_train.render.strokes import bezier

__all__ = ["SpectacleFrame", "spectacle_frame"]

_Points = NDArray[np.float32]
_Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SpectacleFrame:
    """Curves of one pair in canvas pixels.

    Attributes:
        rims: Both lenses' outlines, closed, (48, 2) each.
        rods: Bridge, pads and temples, open.
        centres: Of the lenses.
        radius_px: Half a lens's width.
        down: Unit vector from brow to chin.
    """

    rims: list[_Points]
    rods: list[_Points]
    centres: list[_Vector]
    radius_px: float
    down: _Vector


def spectacle_frame(face: _Points, eye_px: float, rng: np.random.Generator) -> SpectacleFrame:
    """Return the curves of a random pair on the face's eyes.

    Args:
        face: (468, 2) canvas pixels.
        eye_px: Inter-ocular distance in canvas pixels.
        rng: Decides shape and place.
    """
    radius, gap = rng.uniform(0.34, 0.54) * eye_px, rng.uniform(0.14, 0.42) * eye_px
    squash = rng.uniform(0.7, 1.0)
    right, left = (face[list(eye)].mean(axis=0) for eye in (RIGHT_EYE, LEFT_EYE))
    along = np.asarray((left - right) / max(float(np.hypot(*(left - right))), 1e-6), np.float64)
    down = np.array([-along[1], along[0]])
    middle = (right + left) / 2 + down * rng.uniform(-0.05, 0.35) * eye_px
    centres = [middle - along * (radius + gap / 2), middle + along * (radius + gap / 2)]
    power = rng.uniform(1.0, 2.2)
    ring = _ring(np.linspace(0, 2 * np.pi, 48, endpoint=False), squash, power)
    rims = [np.asarray(c + radius * (ring[:, :1] * along + ring[:, 1:] * down), np.float32) for c in centres]
    inner = [centres[0] + along * radius * 0.97, centres[1] - along * radius * 0.97]
    angle = rng.uniform(0.0, 1.0)
    angles = (angle, angle + rng.uniform(0.2, 0.5)) if rng.random() < 0.2 else (angle,)  # a second bar
    across, up = radius * _ring(-np.array(angles), squash, power).T
    rods = []
    for number, (x, y) in enumerate(zip(across, up, strict=True)):
        ends = centres[0] + along * x + down * y, centres[1] - along * x + down * y
        arch = down * rng.normal(-0.09, 0.08) * eye_px * (number == 0)
        rods.append(bezier(np.array([ends[0], ends[0] + arch, ends[1] + arch, ends[1]])))
    if rng.random() < 0.5:
        rods += [_pad(inner[0], along, down, eye_px, rng), _pad(inner[1], -along, down, eye_px, rng)]
    for centre, side, temple in ((centres[0], -along, face[234]), (centres[1], along, face[454])):
        end = temple + np.array([0, rng.normal(-0.2, 0.1) * eye_px])
        rods.append(np.asarray([centre + side * radius, end], np.float32))
    return SpectacleFrame(rims, rods, centres, radius, down)


def _ring(angles: NDArray[np.float64], squash: float, power: float) -> NDArray[np.float64]:
    """Return points of a lens of half-width 1 about the origin: an ellipse for power 1, else towards a rectangle."""
    x, y = np.cos(angles), np.sin(angles)
    root = 1 / power
    return np.column_stack([np.sign(x) * np.abs(x) ** root, squash * np.sign(y) * np.abs(y) ** root])


def _pad(inner: _Vector, inward: _Vector, down: _Vector, eye_px: float, rng: np.random.Generator) -> _Points:
    """Return the hook that holds one nose pad."""
    tip = inner + inward * rng.uniform(0.04, 0.1) * eye_px + down * rng.uniform(0.06, 0.2) * eye_px
    return bezier(np.array([inner, inner + inward * 0.06 * eye_px, tip - down * 0.05 * eye_px, tip]), 8)
