"""Shading of wrinkles: dark redder valley, bright lip, slope under a side light.

Lines are drawn once at one pixel's width and blurred to a few profiles for the shading. The label is of one width
whatever the wrinkle's, as in the hand-drawn masks: where a profile of its own is above half of its peak. Sizes are in
pixels of the canvas.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Light", "PlacedLine", "Relief", "draw_relief", "shade"]

_SHIFT_BITS: Final = 4
_FULL_SCALE_DEPTH: Final = 0.8  # depth that the 8-bit drawing calls 255
_PIXEL_VARIANCE: Final = 0.09  # of an anti-aliased one pixel line
_HALF_PEAK: Final = 0.5
_FULL_WIDTH: Final = 2.355  # of a Gaussian at half its peak, in deviations
_SEEN: Final = 0.05  # fainter contrast cannot be seen: such pixels are ignored, not labelled


@dataclass(frozen=True, slots=True, eq=False)
class PlacedLine:
    """One line on the canvas.

    Attributes:
        points_xy: (K, 2) float32 canvas pixels.
        depth: (K,) float32, share of light lost in the valley, [0, 0.8].
        profile: Index into the canvas's profile widths.
    """

    points_xy: NDArray[np.float32]
    depth: NDArray[np.float32]
    profile: int


@dataclass(frozen=True, slots=True)
class Light:
    """How relief turns into brightness.

    Attributes:
        angle_rad: Where the light comes from.
        valley: Strength of the dark valley itself.
        slope: Strength of the slope term around the valley.
        raking: Strength of the slope of the valley's own walls: one side dark, the other bright.
        lip: Strength of the bright lip beside the valley.
        fold: Strength of the broad shadow around the valley.
        redness: How much less red is lost than green, [0, 1].
    """

    angle_rad: float
    valley: float
    slope: float
    raking: float
    lip: float
    fold: float
    redness: float


@dataclass(frozen=True, slots=True, eq=False)
class Relief:
    """Drawn lines.

    Attributes:
        shading: (H, W) float32 logarithm of the brightness factor.
        wrinkle: (H, W) uint8 {0, 1}.
        ignored: (H, W) uint8 {0, 1}: lines too faint to see.
    """

    shading: NDArray[np.float32]
    wrinkle: NDArray[np.uint8]
    ignored: NDArray[np.uint8]


def draw_relief(
    lines: list[PlacedLine],
    profiles_px: tuple[float, ...],
    label_px: float,
    size_hw: tuple[int, int],
    light: Light,
    skin: NDArray[np.float32],
) -> Relief:
    """Draw lines on an empty canvas.

    Args:
        lines: What to draw.
        profiles_px: Standard deviation of each shading profile, canvas pixels.
        label_px: Width of the label, canvas pixels.
        size_hw: Height and width of the canvas.
        light: The light.
        skin: (H, W) float32 in [0, 1]; lines fade out where it does.
    """
    shading = np.zeros(size_hw, np.float32)
    wrinkle = np.zeros(size_hw, np.uint8)
    ignored = np.zeros(size_hw, np.uint8)
    for number, sigma_px in enumerate(profiles_px):
        chosen = [line for line in lines if line.profile == number]
        if not chosen:
            continue
        depth, presence = _draw(chosen, size_hw)
        valley, covered = _profile(depth, sigma_px) * skin, _profile(presence, label_px / _FULL_WIDTH)
        seen = _profile(depth, label_px / _FULL_WIDTH) * skin > _SEEN * covered
        core = (covered > _HALF_PEAK) & (skin > _HALF_PEAK)
        wrinkle |= (core & seen).astype(np.uint8)
        ignored |= (core & ~seen).astype(np.uint8)
        shading += _brightness(valley, sigma_px, light)
    ignored[wrinkle > 0] = 0
    return Relief(shading, wrinkle, ignored)


def shade(image_rgb: NDArray[np.float32], relief: Relief, light: Light) -> NDArray[np.float32]:
    """Return (H, W, 3) float32 ``image_rgb`` under the relief's shading; the valley keeps more of its red."""
    weights = np.array([1.0 - light.redness, 1.0, 1.0 + 0.3 * light.redness], np.float32)
    return np.asarray(image_rgb * np.exp(relief.shading[..., None] * weights), np.float32)


def _draw(lines: list[PlacedLine], size_hw: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    depth: NDArray[np.uint8] = np.zeros(size_hw, np.uint8)
    presence: NDArray[np.uint8] = np.zeros(size_hw, np.uint8)
    for line in lines:
        fixed = np.rint(line.points_xy * (1 << _SHIFT_BITS)).astype(np.int32)
        cv2.polylines(presence, [fixed], False, (255,), 1, cv2.LINE_AA, _SHIFT_BITS)
        levels = np.clip((line.depth[:-1] + line.depth[1:]) * (127.5 / _FULL_SCALE_DEPTH), 0, 255)
        ends = fixed.tolist()
        for (start, stop), level in zip(pairwise(ends), levels.tolist(), strict=True):
            cv2.line(depth, start, stop, (level,), 1, cv2.LINE_AA, _SHIFT_BITS)
    return depth.astype(np.float32) * (_FULL_SCALE_DEPTH / 255), presence.astype(np.float32) / 255


def _profile(drawing: NDArray[np.float32], sigma_px: float) -> NDArray[np.float32]:
    """Blur to a Gaussian profile whose peak is the drawn value."""
    peak = math.erf(0.5 / math.sqrt(2 * (sigma_px**2 + _PIXEL_VARIANCE)))
    blurred = drawing if sigma_px < 0.3 else cv2.GaussianBlur(drawing, (0, 0), sigma_px)
    return np.asarray(blurred, np.float32) / np.float32(peak)


def _brightness(valley: NDArray[np.float32], sigma_px: float, light: Light) -> NDArray[np.float32]:
    wide_px = max(2.2 * sigma_px, 1.2)
    wide = cv2.GaussianBlur(valley, (0, 0), wide_px)
    lip = np.maximum(wide * 2.2 - valley, 0)
    brightness = (
        -light.valley * valley
        + light.lip * lip
        + light.slope * 2.0 * wide_px * _towards(np.asarray(wide, np.float32), light)
    )
    if light.raking > 0:
        walls = valley if sigma_px >= 1 else cv2.GaussianBlur(valley, (0, 0), 0.7)
        brightness += light.raking * 1.6 * max(sigma_px, 1.0) * _towards(np.asarray(walls, np.float32), light)
    if light.fold > 0:
        brightness -= light.fold * cv2.GaussianBlur(wide, (0, 0), 2.5 * wide_px)
    return np.asarray(brightness, np.float32)


def _towards(height: NDArray[np.float32], light: Light) -> NDArray[np.float32]:
    """Return the slope of ``height`` along the light, per pixel."""
    dx = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3, scale=0.125)
    dy = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3, scale=0.125)
    return np.asarray(dx * math.cos(light.angle_rad) + dy * math.sin(light.angle_rad), np.float32)
