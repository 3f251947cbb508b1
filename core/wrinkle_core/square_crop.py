"""Sampling a rotated square of a photograph into a small network input.

Letterboxing, tiles, a turned look and the face mesh's region are all the same thing: a square with a centre, a side and
an angle, brought to ``out_px`` pixels. MediaPipe takes one bilinear tap per output pixel, which lets noise through in
large photographs: one tap is kept up to 12 photograph pixels per output pixel, so that landmarks equal MediaPipe's, and
up to four by four are averaged above. The work depends on ``out_px`` only, never on the photograph's size.

Source: MediaPipe ``image_to_tensor_converter_opencv.cc`` (corners to corners, indices as coordinates).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Square", "crop_square", "whole_photo"]

_MAX_TAPS: Final = 4
_PX_PER_TAP: Final = 8


@dataclass(frozen=True, slots=True)
class Square:
    """A square in a photograph.

    Attributes:
        center_x: Centre in photograph pixels.
        center_y: Centre in photograph pixels.
        side_px: Side in photograph pixels, > 0.
        angle_rad: Turn of the square, clockwise in the picture.
    """

    center_x: float
    center_y: float
    side_px: float
    angle_rad: float = 0.0

    def to_photo(self, out_px: int) -> NDArray[np.float64]:
        """Return the (2, 3) matrix from pixels of an ``out_px`` square crop to photograph pixels."""
        step = self.side_px / out_px
        along_x, along_y = step * np.cos(self.angle_rad), step * np.sin(self.angle_rad)
        half = out_px / 2.0
        return np.array(
            [
                [along_x, -along_y, self.center_x - half * (along_x - along_y)],
                [along_y, along_x, self.center_y - half * (along_y + along_x)],
            ]
        )


def whole_photo(height_px: int, width_px: int, angle_rad: float = 0.0) -> Square:
    """Return the smallest centred square that holds the whole photograph (letterboxing)."""
    return Square(width_px / 2.0, height_px / 2.0, float(max(height_px, width_px)), angle_rad)


def crop_square(
    photo_rgb: NDArray[np.uint8], square: Square, out_px: int, *, replicate_border: bool, reduction: int = 1
) -> NDArray[np.uint8]:
    """Sample ``square`` of the photograph.

    Args:
        photo_rgb: (H, W, 3) uint8, any size.
        square: What to sample; it may reach beyond the photograph.
        out_px: Side of the result.
        replicate_border: Continue the photograph's edge outside it; else black.
        reduction: Side of the square of photograph pixels that a pixel given stands for. The same part of the
            photograph is averaged at any reduction: how blurred a face is moves its landmarks.

    Returns:
        (out_px, out_px, 3) uint8.
    """
    taps = int(np.clip(round(reduction * square.side_px / out_px / _PX_PER_TAP), 1, _MAX_TAPS))
    matrix = square.to_photo(out_px)
    matrix[:, 2] -= matrix[:, :2] @ np.full(2, (taps - 1) / (2.0 * taps))  # first tap of an output pixel
    matrix[:, :2] /= taps
    fine = cv2.warpAffine(
        photo_rgb,
        matrix,
        (out_px * taps, out_px * taps),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE if replicate_border else cv2.BORDER_CONSTANT,
    )
    if taps > 1:
        fine = cv2.resize(fine, (out_px, out_px), interpolation=cv2.INTER_AREA)
    return np.asarray(fine, np.uint8)
