"""Wrinkle figures per region, measured in the aligned face frame.

The frame has the segmenter's input size whatever the photograph's, so the figures do not depend on it. Lengths are
divided by the inter-ocular distance, the distance between the centres (mean vertex) of the two eye rings.

- A *line* is one 8-connected component of the mask; its centre-line is the mask thinned to one pixel (Zhang-Suen 1984).
- Length is that of the centre-line's 8-connected graph: 1 per straight step, sqrt(2) per diagonal one, and a diagonal
  that only cuts a corner is not counted. A digital line at 22.5 degrees reads 8 % too long, one at 0 or 45 right. Each
  step is shared by its two pixels, so a line that crosses a border is divided between the regions. A dot counts 1.
- Width w is that of a ribbon with the line's area a and centre-line length l: a = w (l + w), for thinning takes about
  half a width from each end. For a long line this is a / l.
- Contrast is 1 - (1 + I) / (1 + B) on the centre-line, averaged over the line: I is luma, B its Gaussian mean over
  the skin, blur(luma * skin) / blur(skin): the texture map's quotient with a wider, mask-normalised mean.
- A line is *deep* when it is wide or dark, else *fine*; see ``DEEP_WIDTH_IOD`` and ``DEEP_CONTRAST``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.morphology import skeletonize

from wrinkle_core.errors import ContractError
from wrinkle_core.regions import REGIONS
from wrinkle_core.report import WHOLE_FACE, RegionFigures

__all__ = ["BACKGROUND_SIGMA_IOD", "DEEP_CONTRAST", "DEEP_WIDTH_IOD", "Lines", "Measurement", "measure", "trace_lines"]

DEEP_WIDTH_IOD: Final = 0.03
DEEP_CONTRAST: Final = 0.12
BACKGROUND_SIGMA_IOD: Final = 0.04
_BACKGROUND_SIGMA_PX: Final = 2.5  # the mean is taken on a reduced image where its sigma is about this
_LUMA: Final = (0.299, 0.587, 0.114)  # ITU-R BT.601, as cv2.COLOR_RGB2GRAY
_DECIMALS: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """The centre-line pixels of a mask, K of them.

    Attributes:
        y: (K,) rows.
        x: (K,) columns.
        length_px: (K,) float64 share of the centre-line's length that belongs to the pixel.
        width_px: (K,) float64 mean width of the line that the pixel is on.
        line: (K,) number of that line, 0 up to ``count - 1``.
        count: Number of lines.
    """

    y: NDArray[np.intp]
    x: NDArray[np.intp]
    length_px: NDArray[np.float64]
    width_px: NDArray[np.float64]
    line: NDArray[np.intp]
    count: int


@dataclass(frozen=True, slots=True)
class Measurement:
    """Figures of the whole face and of each region, in the order of ``REGIONS``."""

    whole_face: RegionFigures
    regions: tuple[RegionFigures, ...]


def trace_lines(mask: NDArray[np.uint8]) -> Lines:
    """Return the centre-lines of a mask.

    Args:
        mask: (H, W) in {0, 1}; may be all 0.
    """
    x0, y0, width, height = cv2.boundingRect(mask)
    if width == 0:
        nowhere, nothing = np.zeros(0, np.intp), np.zeros(0, np.float64)
        return Lines(nowhere, nowhere, nothing, nothing, nowhere, 0)
    part = np.ascontiguousarray(mask[y0 : y0 + height, x0 : x0 + width])
    labels, components, stats, _ = cv2.connectedComponentsWithStats(part, connectivity=8, ltype=cv2.CV_32S)
    thin = np.pad(skeletonize(part.astype(bool)), 1)  # type: ignore[no-untyped-call]
    y, x = np.nonzero(thin)
    length_px = _step_lengths(thin, y, x)
    line = components[y - 1, x - 1].astype(np.intp) - 1
    line_length = np.bincount(line, length_px, labels - 1)
    area = stats[1:, cv2.CC_STAT_AREA]
    width_px = (np.sqrt(line_length**2 + 4.0 * area) - line_length) / 2
    return Lines(y - 1 + y0, x - 1 + x0, length_px, width_px[line], line, labels - 1)


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
        probability: (S, S) wrinkle probability times 255.
        mask: (S, S) in {0, 1}, wrinkle pixels, already ANDed with ``seen``.
        skin: (S, S) in {0, 1}, the skin mask, as if the photograph had no edge.
        seen: (S, S) in {0, 1}, the part of ``skin`` that lies in the photograph.
        face_rgb: (3, S, S) RGB planes, 0 outside the skin mask.
        labels: (S, S) from ``region_labels``.
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
    deep_iod = np.bincount(where, lengths_iod * deep, bins)
    fine_iod = np.bincount(where, lengths_iod * ~deep, bins)
    area = _histogram([labels], None, (bins,))
    marked = _histogram([labels], mask, (bins,))
    by_level = _histogram([labels, probability], seen, (bins, 256))
    visible, probability_sum = by_level.sum(axis=1), by_level @ (np.arange(256) / 255.0)

    def figures(name: str, which: slice, area_px: float) -> RegionFigures:
        seen_px = float(visible[which].sum())
        if seen_px == 0:
            return RegionFigures(name, 0.0, None, None, None, None, None)
        deep_total, fine_total = float(deep_iod[which].sum()), float(fine_iod[which].sum())
        values = (
            seen_px / area_px,
            float(marked[which].sum()) / seen_px,
            deep_total + fine_total,
            deep_total,
            fine_total,
            float(probability_sum[which].sum()) / seen_px,
        )
        return RegionFigures(name, *(round(value, _DECIMALS) for value in values))

    return Measurement(
        whole_face=figures(WHOLE_FACE, slice(None), float(cv2.countNonZero(skin))),
        regions=tuple(
            figures(region.name, slice(number, number + 1), float(area[number]))
            for number, region in enumerate(REGIONS, start=1)
        ),
    )


def _step_lengths(thin: NDArray[np.bool_], y: NDArray[np.intp], x: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return half the length of all steps at each pixel of ``thin``, a centre-line image with a free border."""
    north, south, west, east = thin[y - 1, x], thin[y + 1, x], thin[y, x - 1], thin[y, x + 1]
    straight = north.astype(np.float64) + south + west + east
    diagonal = np.zeros_like(straight)
    for dy, beside_y in ((-1, north), (1, south)):
        for dx, beside_x in ((-1, west), (1, east)):
            diagonal += thin[y + dy, x + dx] & ~beside_y & ~beside_x
    steps = (straight + np.sqrt(2.0) * diagonal) / 2
    return np.where(steps == 0, 1.0, steps)


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
    step = max(1, round(sigma_px / _BACKGROUND_SIGMA_PX))
    height, width = skin.shape
    small = (-(-width // step), -(-height // step))
    weight = cv2.resize(skin.astype(np.float32), small, interpolation=cv2.INTER_AREA)
    planes = [cv2.resize(plane, small, interpolation=cv2.INTER_AREA).astype(np.float32) for plane in face_rgb]
    luma = sum(share * plane for share, plane in zip(_LUMA, planes, strict=True)) * (weight > 0)
    sigma = sigma_px / step
    mean = cv2.GaussianBlur(luma, (0, 0), sigma) / np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-6)
    around = cv2.resize(mean, (width, height), interpolation=cv2.INTER_LINEAR)[lines.y, lines.x]
    here = np.asarray(_LUMA) @ face_rgb[:, lines.y, lines.x].astype(np.float64)
    contrast: NDArray[np.float64] = 1.0 - (1.0 + here) / (1.0 + around)
    return contrast


def _histogram(
    images: list[NDArray[np.uint8]], mask: NDArray[np.uint8] | None, bins: tuple[int, ...]
) -> NDArray[np.float64]:
    """Return pixel counts by value, one axis per image, where ``mask`` is not 0."""
    ranges = [float(edge) for size in bins for edge in (0, size)]
    counts = cv2.calcHist(images, list(range(len(images))), mask, list(bins), ranges)
    return np.asarray(counts, np.float64).reshape(bins)
