"""The frame that comparison systems work in: an aligned square face with its skin mask.

Lengths are stated in pixels of a 512 px frame and areas in its square pixels; ``FaceFrame.px`` and ``FaceFrame.area``
turn them into pixels of the face at hand. Everything outside the skin is replaced by a smooth continuation of the skin
before any filter runs: the edge of a mask is no wrinkle, and what lies outside has no influence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.errors import ContractError

__all__ = ["REFERENCE_PX", "FaceFrame", "face_frame"]

REFERENCE_PX: Final = 512
_SMALLEST_PX, _LARGEST_PX = 64, 2048
_EDGE_PX: Final = 2.0
_FILL_SIGMAS_PX: Final = (2.0, 5.0, 12.0, 40.0)
_COARSE_SIGMA_PX: Final = 12.0
_COARSENING: Final = 4
_LEAST_WEIGHT: Final = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class FaceFrame:
    """One face, ready to be filtered.

    Attributes:
        grey: (S, S) float32 [0, 255], the skin with its smooth continuation around it.
        interior: (S, S) uint8 {0, 1}, the skin mask less a rim of 2 px of the 512 px frame.
        scale: Pixels of this face for one pixel of the 512 px frame.
    """

    grey: NDArray[np.float32]
    interior: NDArray[np.uint8]
    scale: float

    def px(self, reference_px: float) -> float:
        """Return a length of the 512 px frame in pixels of this face."""
        return reference_px * self.scale

    def area(self, reference_area: float) -> float:
        """Return an area in square pixels of the 512 px frame in square pixels of this face."""
        return reference_area * self.scale**2


def face_frame(face_rgb: NDArray[np.uint8], skin: NDArray[np.uint8]) -> FaceFrame:
    """Check a face and its mask and make them ready for filtering.

    Args:
        face_rgb: (S, S, 3) uint8 RGB, aligned to the FFHQ frame, masked or not; S is 64 to 2048.
        skin: (S, S) uint8 {0, 1}.

    Raises:
        ContractError: A shape, type, size or value is not as above.
    """
    side = face_rgb.shape[0]
    if face_rgb.dtype != np.uint8 or face_rgb.shape != (side, side, 3) or not _SMALLEST_PX <= side <= _LARGEST_PX:
        raise ContractError(
            f"A comparison system needs an aligned face (S, S, 3) uint8 with S from {_SMALLEST_PX} to {_LARGEST_PX}, "
            f"got {face_rgb.shape} {face_rgb.dtype}."
        )
    if skin.dtype != np.uint8 or skin.shape != (side, side) or (skin.size and int(skin.max()) > 1):
        raise ContractError(
            f"The skin mask must be ({side}, {side}) uint8 with values 0 and 1, got {skin.shape} {skin.dtype} "
            f"up to {skin.max() if skin.size else 'nothing'}."
        )
    scale = side / REFERENCE_PX
    grey = cv2.cvtColor(face_rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    rim = 2 * max(round(_EDGE_PX * scale), 1) + 1
    interior = cv2.erode(skin, np.ones((rim, rim), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=(0,))
    return FaceFrame(_continued(grey, skin, scale), np.asarray(interior, np.uint8), scale)


def _continued(grey: NDArray[np.float32], skin: NDArray[np.uint8], scale: float) -> NDArray[np.float32]:
    """Fill everything outside ``skin`` with means of the skin nearby, from near to far."""
    known = skin.astype(np.float32)
    filled = grey * known
    for sigma_px in _FILL_SIGMAS_PX:
        mean, weight = _local_mean(filled, known, sigma_px * scale, coarse=sigma_px >= _COARSE_SIGMA_PX)
        new = (known == 0) & (weight > _LEAST_WEIGHT)
        filled[new], known[new] = mean[new], 1
    filled[known == 0] = float(grey[skin > 0].mean()) if skin.any() else 0.0
    return filled


def _local_mean(
    filled: NDArray[np.float32], known: NDArray[np.float32], sigma_px: float, *, coarse: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the mean of the known pixels around each pixel, and how much of the surroundings is known."""
    planes = np.dstack([filled, known])
    height, width = known.shape
    if coarse:
        size = (width // _COARSENING, height // _COARSENING)
        planes = np.asarray(cv2.resize(planes, size, interpolation=cv2.INTER_AREA), np.float32)
        sigma_px /= _COARSENING
    blurred = np.asarray(cv2.GaussianBlur(planes, (0, 0), sigma_px), np.float32)
    if coarse:
        blurred = np.asarray(cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    weight = blurred[..., 1]
    return blurred[..., 0] / np.maximum(weight, 1e-6), weight
