"""From the aligned frame back to the photograph: mask, probability and skin in the box around the face.

Nothing is computed outside the box: no pixel there is skin, so none is marked. Inside it a mask of few marks is
computed near these only, see marked_tiles.py. Else the probability is warped in bands of rows that fit into the
processor's cache, as far to the right as there is skin. The left edge stays the box's: OpenCV counts columns from there
in steps of 1/1024 px, so another start would round otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.face_mask import OVAL, face_mask
from wrinkle_core.geometry import Geometry
from wrinkle_core.marked_tiles import marked_in_tiles

__all__ = ["FaceInPhoto"]

_BAND_PX: Final = 64


class FaceInPhoto:
    """The box around a face in its photograph; empty when the face lies outside.

    Args:
        probability: (S, S) uint8, probability times 255 in the aligned frame.
        geometry: Where that frame lies in the photograph.

    Attributes:
        left_px: The photograph's column where the box begins.
        top_px: The photograph's row where the box begins.
        skin: (h, w) uint8 in {0, 1}, the segmenter's mask drawn at the photograph's size.
    """

    def __init__(self, probability: NDArray[np.uint8], geometry: Geometry) -> None:
        self._probability = probability
        self._photo_shape = geometry.image_height_px, geometry.image_width_px
        size = geometry.image_width_px, geometry.image_height_px
        oval = geometry.landmarks_xy[list(OVAL)]
        self.left_px, self.top_px = (int(edge) for edge in np.clip(np.floor(oval.min(axis=0)) - 1, 0, size))
        right, bottom = (int(edge) for edge in np.clip(np.ceil(oval.max(axis=0)) + 2, 0, size))
        self.skin: NDArray[np.uint8] = np.zeros((0, 0), np.uint8)
        if right > self.left_px and bottom > self.top_px:
            landmarks_xy = (geometry.landmarks_xy - np.array([self.left_px, self.top_px])).astype(np.float32)
            rule = geometry.segmenter.mask_rule
            self.skin = face_mask(landmarks_xy, bottom - self.top_px, right - self.left_px, rule)
        self._to_aligned = geometry.photo_to_aligned.copy()
        self._to_aligned[:, 2] += self._to_aligned[:, :2] @ (self.left_px, self.top_px)

    def marked_bits(self, level: int) -> NDArray[np.uint8]:
        """Return (h, ceil(w / 8)) packed bits, 1 where the skin's probability times 255 is ``level`` or more."""
        skin_bits = np.packbits(self.skin, axis=1)
        marked = marked_in_tiles(self._probability, self._to_aligned, skin_bits, level)
        return self._marked_in_bands(level) if marked is None else marked

    def probability_in_photo(self) -> NDArray[np.uint8]:
        """Return (H, W) probability times 255 in the whole photograph, 0 outside the skin."""
        photo: NDArray[np.uint8] = np.zeros(self._photo_shape, np.uint8)
        box = photo[self.top_px :, self.left_px :]
        for band, warped in self._bands():
            np.multiply(warped, self.skin[band], out=box[band])
        return photo

    def _marked_in_bands(self, level: int) -> NDArray[np.uint8]:
        height, width = self.skin.shape
        bits: NDArray[np.uint8] = np.zeros((height, -(-width // 8)), np.uint8)
        for (rows, columns), warped in self._bands():
            cv2.threshold(warped, level - 1, 1, cv2.THRESH_BINARY, dst=warped)
            np.bitwise_and(warped, self.skin[rows, columns], out=warped)
            packed = np.packbits(warped, axis=1)
            bits[rows, : packed.shape[1]] = packed
        return bits

    def _bands(self) -> Iterator[tuple[tuple[slice, slice], NDArray[np.uint8]]]:
        """Yield parts of the box that hold all skin, with the warped probability: overwritten by the next one."""
        height, width = self.skin.shape
        buffer: NDArray[np.uint8] = np.empty(min(height, _BAND_PX) * width, np.uint8)
        for top in range(0, height, _BAND_PX):
            rows = slice(top, min(top + _BAND_PX, height))
            left, _, columns, _ = cv2.boundingRect(self.skin[rows])
            if columns:
                right, count = left + columns, rows.stop - top
                to_aligned = self._to_aligned.copy()
                to_aligned[:, 2] += top * to_aligned[:, 1]
                warped = buffer[: count * right].reshape(count, right)
                flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
                cv2.warpAffine(self._probability, to_aligned, (right, count), dst=warped, flags=flags)
                yield (rows, slice(0, right)), warped
