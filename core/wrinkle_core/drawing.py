"""Pictures of a segmentation: mask or probability drawn over the photograph.

Lines are drawn the way maps draw roads: a bright core inside a dark casing, so that they read on light and dark skin.
Wrinkles are a few pixels wide and photographs are looked at shrunk, so lines are widened by a share of the longer side:
at any display size a line stays about as wide as the eye needs. Measure on the mask, never on these pictures.

Only NumPy and Pillow. All pictures are (H, W, 3) uint8 RGB in [0, 255].
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from wrinkle_core.errors import ContractError

__all__ = ["overlay_heat", "overlay_mask", "side_by_side"]

Rgb = tuple[int, int, int]

CORE_RGB: Final[Rgb] = (64, 240, 255)
CASING_RGB: Final[Rgb] = (8, 20, 48)
_CORE_OPACITY: Final = 0.85
_CASING_OPACITY: Final = 0.55
_WIDENING: Final = 1 / 1600  # radius added to a line, as a share of the photograph's longer side
_HEAT_OPACITY: Final = 0.85
_HEAT_FLOOR: Final = 0.10  # probability below which nothing is drawn
# From violet over magenta and orange to pale yellow: brighter is likelier, also without colour vision.
_HEAT_STOPS: Final = (0.0, 0.3, 0.55, 0.8, 1.0)
_HEAT_RGB: Final = ((92, 40, 190), (176, 40, 190), (240, 66, 110), (255, 160, 40), (255, 250, 170))


def overlay_mask(
    photo_rgb: NDArray[np.uint8], mask: NDArray[np.uint8], *, core_rgb: Rgb = CORE_RGB, casing_rgb: Rgb = CASING_RGB
) -> NDArray[np.uint8]:
    """Draw the mask as bright lines with a dark casing.

    Args:
        photo_rgb: (H, W, 3) RGB in [0, 255], upright.
        mask: (H, W) in {0, 1}; 1 is drawn.
        core_rgb: Colour of the line.
        casing_rgb: Colour of its rim.

    Returns:
        (H, W, 3) RGB, a new array.

    Raises:
        ContractError: Shapes or dtypes do not fit.
    """
    _require_photo(photo_rgb)
    _require_layer(photo_rgb, mask, "mask")
    radius_px = max(0.6, max(mask.shape) * _WIDENING)
    box = _box_of(mask, margin_px=int(4 * radius_px) + 3)
    picture = photo_rgb.copy()
    if box is None:
        return picture
    marked = Image.fromarray(mask[box] * np.uint8(255))
    core = _spread(marked, radius_px)  # (h, w) uint8 coverage in [0, 255]
    casing = _spread(marked, 2 * radius_px)
    _blend(picture[box], casing_rgb, casing, _CASING_OPACITY)
    _blend(picture[box], core_rgb, core, _CORE_OPACITY)
    return picture


def overlay_heat(photo_rgb: NDArray[np.uint8], probability: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Draw the probability as a colour scale that fades out towards 0, widened like the lines of a mask.

    Args:
        photo_rgb: (H, W, 3) RGB in [0, 255], upright.
        probability: (H, W) float32 in [0, 1].

    Returns:
        (H, W, 3) RGB, a new array: below 0.1 the photograph itself, then violet over orange to pale yellow at 1.

    Raises:
        ContractError: Shapes or dtypes do not fit.
    """
    _require_photo(photo_rgb)
    if probability.shape != photo_rgb.shape[:2] or probability.dtype != np.float32:
        raise ContractError(
            f"probability is {probability.dtype} {probability.shape}, expected float32 {photo_rgb.shape[:2]}."
        )
    level = np.rint(np.clip(probability, 0.0, 1.0) * np.float32(255)).astype(np.uint8)
    colour, opacity = _heat_tables()
    picture = photo_rgb.copy()
    reach_px = round(max(level.shape) * _WIDENING)
    box = _box_of(opacity[level] > 0, margin_px=reach_px)
    if box is None:
        return picture
    widened = _widen(level[box], reach_px)
    alpha = opacity[widened][..., None]
    mixed = picture[box].astype(np.uint16) * (255 - alpha) + colour[widened] * alpha
    picture[box] = (mixed + 127) // 255
    return picture


def side_by_side(
    left_rgb: NDArray[np.uint8], right_rgb: NDArray[np.uint8], *, gap_px: int | None = None
) -> NDArray[np.uint8]:
    """Place two pictures of one size beside each other on white, tall ones and square ones left and right.

    Args:
        left_rgb: (H, W, 3) RGB in [0, 255].
        right_rgb: (H, W, 3) RGB in [0, 255].
        gap_px: White space between them; by default a hundredth of the width.

    Returns:
        (H, 2 W + gap, 3) RGB; (2 H + gap, W, 3), one above the other, when the pictures are wider than 3:2.

    Raises:
        ContractError: The sizes differ or a dtype does not fit.
    """
    _require_photo(left_rgb)
    _require_photo(right_rgb)
    if left_rgb.shape != right_rgb.shape:
        raise ContractError(f"Pictures of {left_rgb.shape} and {right_rgb.shape} cannot stand side by side.")
    height, width, _ = left_rgb.shape
    gap = max(1, width // 100) if gap_px is None else gap_px
    axis = 0 if 2 * width > 3 * height else 1
    space = np.full((gap, width, 3) if axis == 0 else (height, gap, 3), 255, np.uint8)
    return np.concatenate([left_rgb, space, right_rgb], axis=axis)


def _spread(marked: Image.Image, radius_px: float) -> NDArray[np.uint8]:
    """Return the mask widened by about ``radius_px`` with a soft rim, (h, w) uint8 coverage."""
    blurred = np.asarray(marked.filter(ImageFilter.GaussianBlur(radius_px)), np.uint16)
    # A one-pixel line blurred by sigma peaks at 1 / (sigma * sqrt(2 pi)); this gain gives it full coverage again.
    gain = max(2.0, radius_px * np.sqrt(2 * np.pi) * 1.6)
    coverage: NDArray[np.uint8] = np.minimum(blurred * np.uint16(round(gain)), 255).astype(np.uint8)
    return coverage


def _widen(level: NDArray[np.uint8], reach_px: int) -> NDArray[np.uint8]:
    """Return each pixel's largest level within ``reach_px``."""
    image = Image.fromarray(level)
    for _ in range(reach_px):
        image = image.filter(ImageFilter.MaxFilter(3))
    return np.asarray(image)


def _blend(area: NDArray[np.uint8], colour_rgb: Rgb, coverage: NDArray[np.uint8], opacity: float) -> None:
    """Mix ``colour_rgb`` into ``area`` in place where coverage is above 0."""
    touched = coverage > 0
    alpha = (coverage[touched].astype(np.uint16) * np.uint16(round(opacity * 256)) >> 8)[:, None]
    mixed = area[touched] * (255 - alpha) + np.asarray(colour_rgb, np.uint16) * alpha
    area[touched] = (mixed + 127) // 255


def _heat_tables() -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Return colour (256, 3) and opacity (256,), both in [0, 255], by probability times 255."""
    level = np.linspace(0.0, 1.0, 256)
    stops = np.asarray(_HEAT_RGB, np.float64)
    colour = np.stack([np.interp(level, _HEAT_STOPS, stops[:, channel]) for channel in range(3)], axis=1)
    ramp = np.clip((level - _HEAT_FLOOR) / (0.5 - _HEAT_FLOOR), 0.0, 1.0)
    return np.rint(colour).astype(np.uint16), np.rint(255 * _HEAT_OPACITY * ramp).astype(np.uint16)


def _box_of(marked: NDArray[np.uint8] | NDArray[np.bool_], *, margin_px: int) -> tuple[slice, slice] | None:
    """Return rows and columns around everything marked, or None; faces fill a part of most photographs."""
    rows = np.flatnonzero(marked.any(axis=1))
    if rows.size == 0:
        return None
    columns = np.flatnonzero(marked.any(axis=0))
    return (
        slice(max(0, int(rows[0]) - margin_px), int(rows[-1]) + 1 + margin_px),
        slice(max(0, int(columns[0]) - margin_px), int(columns[-1]) + 1 + margin_px),
    )


def _require_photo(photo_rgb: NDArray[np.uint8]) -> None:
    if photo_rgb.ndim != 3 or photo_rgb.shape[2] != 3 or photo_rgb.dtype != np.uint8:
        raise ContractError(f"The photograph is {photo_rgb.dtype} {photo_rgb.shape}, expected uint8 (H, W, 3).")


def _require_layer(photo_rgb: NDArray[np.uint8], layer: NDArray[np.uint8], name: str) -> None:
    if layer.shape != photo_rgb.shape[:2] or layer.dtype != np.uint8:
        raise ContractError(f"{name} is {layer.dtype} {layer.shape}, expected uint8 {photo_rgb.shape[:2]}.")
