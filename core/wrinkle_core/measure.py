"""Wrinkle figures per region, measured in the aligned face frame.

The frame has the segmenter's input size whatever the photograph's, so the figures do not depend on it. Lengths are
divided by the inter-ocular distance, the distance between the centres (mean vertex) of the two eye rings.

- A *line*, its length and its width are those of centre_lines.py.
- Contrast is 1 - (1 + I) / (1 + B) on the centre-line, averaged over the line: I is luma, B its Gaussian mean over
  the skin, blur(luma * skin) / blur(skin): the texture map's quotient with a wider, mask-normalised mean.
- A line is *deep* when it is wide or dark, else *fine*; see ``DEEP_WIDTH_IOD`` and ``DEEP_CONTRAST``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.centre_lines import Lines, trace_lines
from wrinkle_core.errors import ContractError
from wrinkle_core.regions import REGIONS
from wrinkle_core.report import REGION_NAMES, WHOLE_FACE, RegionFigures

__all__ = [
    "BACKGROUND_SIGMA_IOD",
    "DEEP_CONTRAST",
    "DEEP_WIDTH_IOD",
    "Measurement",
    "measure",
    "measured_window",
]

DEEP_WIDTH_IOD: Final = 0.03
DEEP_CONTRAST: Final = 0.12
BACKGROUND_SIGMA_IOD: Final = 0.04
_BACKGROUND_SIGMA_PX: Final = 2.5  # the mean is taken on a reduced image where its sigma is about this
_LUMA: Final = (0.299, 0.587, 0.114)  # ITU-R BT.601, as cv2.COLOR_RGB2GRAY
_DECIMALS: Final = 5
_MARGIN_BLOCKS: Final = 18  # more than the Gaussian reaches, 4 sigma of up to 3.75, and one to interpolate


@dataclass(frozen=True, slots=True)
class Measurement:
    """Figures of the whole face and of each region, in the order of ``REGIONS``."""

    whole_face: RegionFigures
    regions: tuple[RegionFigures, ...]


def measured_window(landmarks_xy: NDArray[np.float32], side_px: int, interocular_px: float) -> tuple[slice, slice]:
    """Return rows and columns of the aligned frame that are enough to measure a face in.

    ``measure`` gives the same for them as for the whole frame: all landmarks lie inside, with room for the Gaussian
    mean, and they begin and end with one of its blocks. A frame of no whole number of blocks is not cut.

    Args:
        landmarks_xy: (468, 2) in pixels of the frame; may lie outside it.
        side_px: Side of the frame.
        interocular_px: As ``measure`` takes it.

    Raises:
        ContractError: The distance is not positive and finite.
    """
    if not 0 < interocular_px < math.inf:
        raise ContractError(f"The inter-ocular distance must be above 0 px and finite, got {interocular_px}.")
    block_px = _block_px(BACKGROUND_SIGMA_IOD * interocular_px)
    whole = slice(0, side_px)
    if side_px % block_px:
        return whole, whole
    first = np.floor(landmarks_xy.min(axis=0) / block_px) - _MARGIN_BLOCKS
    last = np.ceil(landmarks_xy.max(axis=0) / block_px) + _MARGIN_BLOCKS
    left, top, right, bottom = (
        int(block) * block_px for block in np.clip([*first, *last], 0, side_px // block_px).tolist()
    )
    if right <= left or bottom <= top:
        return whole, whole
    return slice(top, bottom), slice(left, right)


def measure(
    probability: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    skin: NDArray[np.uint8],
    seen: NDArray[np.uint8],
    face_rgb: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    interocular_px: float,
) -> Measurement:
    """Return the figures of one aligned face.

    Args:
        probability: (H, W) wrinkle probability times 255, in the aligned frame or its ``measured_window``.
        mask: (H, W) in {0, 1}, wrinkle pixels, already ANDed with ``seen``.
        skin: (H, W) in {0, 1}, the skin mask, as if the photograph had no edge.
        seen: (H, W) in {0, 1}, the part of ``skin`` that lies in the photograph.
        face_rgb: (3, H, W) RGB planes, 0 outside the skin mask.
        labels: (H, W) from ``region_labels``.
        interocular_px: Distance between the eye ring centres in pixels of this frame, > 0.

    Raises:
        ContractError: The arrays differ in height and width, or the distance is not positive.
    """
    shapes = {image.shape for image in (probability, mask, skin, seen, labels, face_rgb[0])}
    if len(shapes) != 1 or face_rgb.shape[0] != 3:
        raise ContractError(f"Arrays to measure must all be of one height and width, got {sorted(shapes)}.")
    if not interocular_px > 0:
        raise ContractError(f"The inter-ocular distance must be above 0 px, got {interocular_px}.")
    lines = trace_lines(mask)
    deep = _is_deep(lines, face_rgb, seen, interocular_px)
    lengths_iod = lines.length_px / interocular_px
    where = labels[lines.y, lines.x]
    bins = len(REGIONS) + 1
    by_level = _histogram([labels, probability], seen, (bins, 256))
    area_px = _histogram([labels], None, (bins,))
    sums = (
        by_level.sum(axis=1),
        np.bincount(labels.ravel()[np.flatnonzero(mask.astype(np.bool_))], minlength=bins),
        np.bincount(where, lengths_iod * deep, bins),
        np.bincount(where, lengths_iod * ~deep, bins),
        by_level @ (np.arange(256) / 255.0),
    )
    whole_face = _figures(WHOLE_FACE, float(cv2.countNonZero(skin)), *(float(each.sum()) for each in sums))
    regions = zip(
        REGION_NAMES, area_px[1:].tolist(), *(each[1:].astype(np.float64).tolist() for each in sums), strict=True
    )
    return Measurement(whole_face, tuple(_figures(*region) for region in regions))


def _figures(
    name: str, area_px: float, seen_px: float, marked_px: float, deep_iod: float, fine_iod: float, probability: float
) -> RegionFigures:
    """Return a region's figures from the sums over its pixels."""
    if seen_px == 0:
        return RegionFigures(name, 0.0, None, None, None, None, None)
    values = (
        seen_px / area_px,
        marked_px / seen_px,
        deep_iod + fine_iod,
        deep_iod,
        fine_iod,
        probability / seen_px,
    )
    return RegionFigures(name, *(round(value, _DECIMALS) for value in values))


def _is_deep(
    lines: Lines, face_rgb: NDArray[np.uint8], skin: NDArray[np.uint8], interocular_px: float
) -> NDArray[np.bool_]:
    """Return for each centre-line pixel whether its line is wide or dark."""
    if lines.count == 0:
        return np.zeros(0, np.bool_)
    contrast = _contrast(lines, face_rgb, skin, BACKGROUND_SIGMA_IOD * interocular_px)
    pixels = np.bincount(lines.line, minlength=lines.count)
    mean = np.bincount(lines.line, contrast, lines.count) / np.maximum(pixels, 1)
    deep: NDArray[np.bool_] = (lines.width_px >= DEEP_WIDTH_IOD * interocular_px) | (mean[lines.line] >= DEEP_CONTRAST)
    return deep


def _contrast(
    lines: Lines, face_rgb: NDArray[np.uint8], skin: NDArray[np.uint8], sigma_px: float
) -> NDArray[np.float64]:
    """Return 1 - I / B at each centre-line pixel."""
    step = _block_px(sigma_px)
    height, width = skin.shape
    small = (-(-width // step), -(-height // step))
    weight = cv2.resize(skin.astype(np.float32), small, interpolation=cv2.INTER_AREA)
    planes = [cv2.resize(plane, small, interpolation=cv2.INTER_AREA).astype(np.float32) for plane in face_rgb]
    luma = np.where(weight > 0, _luma(planes), np.float32(0))
    sigma = sigma_px / step
    mean = cv2.GaussianBlur(luma, (0, 0), sigma) / np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-6)
    around = cv2.resize(mean, (width, height), interpolation=cv2.INTER_LINEAR)[lines.y, lines.x]
    here = _luma(face_rgb[:, lines.y, lines.x].astype(np.float64))
    contrast: NDArray[np.float64] = 1.0 - (1.0 + here) / (1.0 + around)
    return contrast


def _block_px(sigma_px: float) -> int:
    """Return the side of the blocks whose means stand for the image when its mean of ``sigma_px`` is taken."""
    return max(1, round(sigma_px / _BACKGROUND_SIGMA_PX))


def _luma(planes: Iterable[NDArray[Any]]) -> NDArray[Any]:
    """Return the weighted sum of RGB planes; no matrix product, whose threads would spin on other cores."""
    red, green, blue = planes
    luma: NDArray[Any] = _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue
    return luma


def _histogram(
    images: list[NDArray[np.uint8]], mask: NDArray[np.uint8] | None, bins: tuple[int, ...]
) -> NDArray[np.float64]:
    """Return pixel counts by value, one axis per image, where ``mask`` is not 0."""
    ranges = [float(edge) for size in bins for edge in (0, size)]
    counts = cv2.calcHist(images, list(range(len(images))), mask, list(bins), ranges)
    return np.asarray(counts, np.float64).reshape(bins)
