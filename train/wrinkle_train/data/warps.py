"""Moving the pixels of a sample: every plane of it goes through one and the same map.

A warp says for each output pixel where it comes from. Steps are composed on coordinates, so a picture is sampled once
however many steps there are; pictures and texture maps bilinearly, masks by nearest neighbour, 0 from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Step", "Warp", "affine", "axis_stretch", "compose", "displaced", "lens", "mirror", "resized_crop"]

Coordinates = tuple[NDArray[np.float32], NDArray[np.float32]]
Step = Callable[[Coordinates], Coordinates]


@dataclass(frozen=True, slots=True, eq=False)
class Warp:
    """A map from output pixels to input pixels.

    Attributes:
        x: (H, W) float32 column of the input, 0 at the first pixel's centre.
        y: (H, W) float32 row of the input.
    """

    x: NDArray[np.float32]
    y: NDArray[np.float32]

    def picture(self, plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return (H, W) or (H, W, 3) uint8, sampled bilinearly."""
        return np.asarray(cv2.remap(plane, self.x, self.y, cv2.INTER_LINEAR, borderValue=(0,)), np.uint8)

    def mask(self, plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return (H, W) uint8, sampled by nearest neighbour."""
        return np.asarray(cv2.remap(plane, self.x, self.y, cv2.INTER_NEAREST, borderValue=(0,)), np.uint8)

    def window(self, rows: slice, columns: slice) -> Warp:
        """Return the warp of a part of the output."""
        return Warp(np.ascontiguousarray(self.x[rows, columns]), np.ascontiguousarray(self.y[rows, columns]))


def compose(side_px: int, steps: Sequence[Step]) -> Warp:
    """Return the warp that applies ``steps`` in order to a square picture; each maps its output back to its input."""
    axis = np.arange(side_px, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    for step in reversed(steps):
        x, y = step((x, y))
    return Warp(np.ascontiguousarray(x, np.float32), np.ascontiguousarray(y, np.float32))


def mirror(side_px: int) -> Step:
    """Return the left-right mirror image."""
    return lambda at: (np.float32(side_px - 1) - at[0], at[1])


def affine(
    side_px: int,
    *,
    scale: float = 1.0,
    angle_deg: float = 0.0,
    shear_deg: tuple[float, float] = (0.0, 0.0),
    shift_px: tuple[float, float] = (0.0, 0.0),
) -> Step:
    """Return an affine step about the middle: shear along x and y, then enlarge, turn and shift the picture."""
    angle = np.deg2rad(angle_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shear = np.array([[1.0, np.tan(np.deg2rad(shear_deg[0]))], [np.tan(np.deg2rad(shear_deg[1])), 1.0]])
    back = np.linalg.inv(scale * turn @ shear).astype(np.float32)
    middle = np.float32((side_px - 1) / 2)
    dx, dy = (np.float32(shift) + middle for shift in shift_px)

    def step(at: Coordinates) -> Coordinates:
        x, y = at[0] - dx, at[1] - dy
        return back[0, 0] * x + back[0, 1] * y + middle, back[1, 0] * x + back[1, 1] * y + middle

    return step


def resized_crop(side_px: int, left: float, top: float, width: float, height: float) -> Step:
    """Return the part of the picture from (left, top), in pixels, enlarged to the whole picture."""
    kx, ky = np.float32(width / side_px), np.float32(height / side_px)
    half = np.float32(0.5)
    return lambda at: (
        (at[0] + half) * kx + np.float32(left - 0.5),
        (at[1] + half) * ky + np.float32(top - 0.5),
    )


def displaced(field_xy: NDArray[np.float32]) -> Step:
    """Return a step that adds a (H, W, 2) field of displacements in pixels."""

    def step(at: Coordinates) -> Coordinates:
        here = cv2.remap(field_xy, at[0], at[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return at[0] + here[..., 0], at[1] + here[..., 1]

    return step


def axis_stretch(side_px: int, widths_x: Sequence[float], widths_y: Sequence[float]) -> Step:
    """Return a grid step: equal cells of the output come from cells of relative widths ``widths``, 1 is unchanged."""

    def knots(widths: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        cell = side_px / len(widths)
        return np.arange(len(widths) + 1) * cell, np.concatenate([[0.0], np.cumsum(np.asarray(widths) * cell)])

    def moved(position: NDArray[np.float32], widths: Sequence[float]) -> NDArray[np.float32]:
        here, source = knots(widths)
        return np.asarray(np.interp(position + 0.5, here, source) - 0.5, np.float32)

    return lambda at: (moved(at[0], widths_x), moved(at[1], widths_y))


def lens(side_px: int, k: float, centre_shift_px: tuple[float, float]) -> Step:
    """Return a lens distortion: radius r, in sides, comes from r (1 + k r^2 + k r^4)."""
    middle = (side_px - 1) / 2
    cx, cy = (np.float32(middle + shift) for shift in centre_shift_px)
    side, strength = np.float32(side_px), np.float32(k)

    def step(at: Coordinates) -> Coordinates:
        x, y = (at[0] - cx) / side, (at[1] - cy) / side
        r2 = x * x + y * y
        factor = side * (1 + strength * r2 + strength * r2 * r2)
        return x * factor + cx, y * factor + cy

    return step
