"""Thin anti-aliased strokes and curves on a float canvas."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["bezier", "draw_strokes", "mix"]

_Image = NDArray[np.float32]
_Points = NDArray[np.float32]
_SHIFT: Final = 4


def mix(image: _Image, alpha: NDArray[np.float32], colour: NDArray[np.float64]) -> _Image:
    """Blend one RGB ``colour`` over ``image`` by ``alpha``, (H, W) in [0, 1]."""
    weight = np.clip(alpha, 0, 1)[..., None]
    return np.asarray(image * (1 - weight) + weight * colour.astype(np.float32), np.float32)


def draw_strokes(image: _Image, lines: list[_Points], width_px: float, *, closed: bool = False) -> NDArray[np.float32]:
    """Return anti-aliased lines as (H, W) float32 in [0, 1]; thinner than a pixel means fainter."""
    canvas: NDArray[np.uint8] = np.zeros(image.shape[:2], np.uint8)
    fixed = [np.rint(np.clip(line, -2000, 4000) * (1 << _SHIFT)).astype(np.int32) for line in lines]
    cv2.polylines(canvas, fixed, closed, (255,), max(round(width_px), 1), cv2.LINE_AA, _SHIFT)
    return canvas.astype(np.float32) * np.float32(min(width_px, 1.0) / 255)


def bezier(points: NDArray[np.float64], count: int = 24) -> _Points:
    """Return ``count`` points of the cubic curve with four control ``points``, (4, 2)."""
    t = np.linspace(0, 1, count)[:, None]
    a, b, c, d = points
    return np.asarray((1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d, np.float32)
