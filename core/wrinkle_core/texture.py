"""The texture map: how much darker each pixel is than its surroundings.

Paper 2's weak label and its fourth input channel. Its deviation is in pixels, so it means something at one scale
only: compute it on the 1024 x 1024 face and never resize it. Compute it on the *unmasked* face, mask afterwards:
a black background bleeds into the blur and hides lines near its edge.

Source: "Facial Wrinkle Segmentation for Cosmetic Dermatology", eq. 1; the literal form with clipping follows the
notebook in the data set's repository.
"""

from __future__ import annotations

from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.errors import ContractError

__all__ = ["KERNEL_PX", "texture_map"]

KERNEL_PX: Final = 21
_BT709: Final = np.array([[0.2126, 0.7152, 0.0722]], np.float32)


def texture_map(
    face_rgb: NDArray[np.uint8],
    *,
    sigma_px: float = 5.0,
    mode: Literal["literal", "dark_floor"] = "literal",
) -> NDArray[np.uint8]:
    """Return the texture map of a face.

    Args:
        face_rgb: (H, W, 3) RGB in [0, 255], unmasked, at the scale the network was trained on.
        sigma_px: Standard deviation of the Gaussian in pixels, > 0; its kernel is 21 x 21.
        mode: ``literal`` is equation 1 with clipping and truncation. ``dark_floor`` (BT.709 luma, I at most its
            surroundings, rounding) is closer to the released weak masks: use it with them.

    Returns:
        (H, W) uint8: near 0 on flat or bright skin, higher in a darker line.

    Raises:
        ContractError: Rank, channels or dtype is wrong, or ``sigma_px`` is not above 0.

    Source:
        Paper 2, eq. 1: T = (1 - I / (1 + G * I)) * 255, sigma 5, 21 x 21.
    """
    if face_rgb.ndim != 3 or face_rgb.shape[2] != 3 or face_rgb.dtype != np.uint8:
        raise ContractError(f"A texture map needs (H, W, 3) uint8, got {face_rgb.shape} {face_rgb.dtype}.")
    if not sigma_px > 0:
        raise ContractError(f"sigma_px must be above 0, got {sigma_px}.")
    grey = (  # (H, W) [0, 255]
        cv2.cvtColor(face_rgb, cv2.COLOR_RGB2GRAY)
        if mode == "literal"
        else cv2.transform(face_rgb.astype(np.float32), _BT709)
    )
    kernel = cv2.getGaussianKernel(KERNEL_PX, sigma_px, cv2.CV_32F)
    around = np.asarray(cv2.sepFilter2D(grey, cv2.CV_32F, kernel, kernel), np.float32)  # reflect-101 border
    texture = grey.astype(np.float32)
    if mode == "dark_floor":
        np.minimum(texture, around, out=texture)
    texture *= 255.0
    around += 1.0
    texture /= around
    np.subtract(255.0, texture, out=texture)  # eq. 1; below 0 beside dark lines
    np.clip(texture, 0.0, 255.0, out=texture)
    if mode == "dark_floor":
        np.rint(texture, out=texture)
    return np.asarray(texture.astype(np.uint8))
