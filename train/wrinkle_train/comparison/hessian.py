"""Curvature of a grey image at one scale: the eigenvalues of its Hessian, and the direction of its lines."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Curvature", "curvature", "line_angle"]

_Plane = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Curvature:
    """Eigenvalues of the scale-normalised Hessian, ordered by magnitude, |small| <= |large|.

    Attributes:
        small: (H, W) float32.
        large: (H, W) float32; above 0 across a dark line.
    """

    small: _Plane
    large: _Plane


def curvature(plane: _Plane, sigma_px: float) -> Curvature:
    """Return the curvature of (H, W) float32 ``plane``, smoothed with ``sigma_px`` and multiplied by its square."""
    mean, half, xy = _second_derivatives(plane, sigma_px)
    spread = np.hypot(half, xy)
    signed = np.where(mean < 0, -spread, spread)
    return Curvature(mean - signed, mean + signed)


def line_angle(plane: _Plane, sigma_px: float) -> _Plane:
    """Return the direction along dark lines at one scale.

    Returns:
        (H, W) float32 radians in (-pi / 2, pi / 2], x to the right, y down.
    """
    _, half, xy = _second_derivatives(plane, sigma_px)
    across = 0.5 * np.arctan2(xy, half)  # the axis of the larger signed eigenvalue
    along = across + np.float32(np.pi / 2)
    return np.asarray(np.where(along > np.pi / 2, along - np.pi, along), np.float32)


def _second_derivatives(plane: _Plane, sigma_px: float) -> tuple[_Plane, _Plane, _Plane]:
    """Return (xx + yy) / 2, (xx - yy) / 2 and xy."""
    smooth = cv2.GaussianBlur(plane, (0, 0), sigma_px)
    weight = sigma_px**2 / 4  # OpenCV's 3 x 3 second derivatives come out 4 times as large
    xx = np.asarray(cv2.Sobel(smooth, cv2.CV_32F, 2, 0, ksize=3, scale=weight), np.float32)
    yy = np.asarray(cv2.Sobel(smooth, cv2.CV_32F, 0, 2, ksize=3, scale=weight), np.float32)
    xy = np.asarray(cv2.Sobel(smooth, cv2.CV_32F, 1, 1, ksize=3, scale=weight), np.float32)
    return (xx + yy) / 2, (xx - yy) / 2, xy
