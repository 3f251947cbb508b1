"""Drawn lines on plain skin: pictures in which it is known where every line is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LinePicture", "line_picture"]

_FRAME_PX = 512
_SKIN_RGB = (205.0, 165.0, 145.0)


@dataclass(frozen=True, slots=True, eq=False)
class LinePicture:
    """One straight line on skin.

    Attributes:
        rgb: (S, S, 3) uint8.
        skin: (S, S) uint8 {0, 1}, everything but a frame of an eighth of the side.
        distance_px: (S, S) float64, distance to the line in pixels of the 512 px frame.
    """

    rgb: NDArray[np.uint8]
    skin: NDArray[np.uint8]
    distance_px: NDArray[np.float64]


def line_picture(
    angle_deg: float,
    *,
    side_px: int = _FRAME_PX,
    depth: float = 50.0,
    sigma_px: float = 1.5,
    length_px: float = 180.0,
    gap_px: float = 0.0,
) -> LinePicture:
    """Draw a line through the middle of a face frame.

    Args:
        angle_deg: Direction of the line, from the x axis, y down.
        side_px: Side of the picture.
        depth: Grey levels the line is darker than the skin; below 0 it is brighter.
        sigma_px: Half width of its Gaussian profile, in pixels of the 512 px frame, like all lengths here.
        length_px: From end to end.
        gap_px: Length of a missing piece in the middle.
    """
    rows, columns = (np.indices((side_px, side_px)) + 0.5) * (_FRAME_PX / side_px) - _FRAME_PX / 2
    angle = np.deg2rad(angle_deg)
    along = columns * np.cos(angle) + rows * np.sin(angle)
    across = rows * np.cos(angle) - columns * np.sin(angle)
    beyond = np.maximum(np.abs(along) - length_px / 2, 0)
    distance = np.hypot(across, beyond)
    strength = np.exp(-(distance**2) / (2 * sigma_px**2)) * (np.abs(along) >= gap_px / 2)
    shade = 8 * rows / _FRAME_PX  # light from above
    planes = [level - shade - depth * strength for level in _SKIN_RGB]
    rgb = np.clip(np.rint(np.stack(planes, axis=-1)), 0, 255).astype(np.uint8)
    edge = side_px // 8
    skin = np.zeros((side_px, side_px), np.uint8)
    skin[edge:-edge, edge:-edge] = 1
    return LinePicture(rgb, skin, distance)
