"""Semi-automatic labels after Kim et al. 2022: an annotator's rough mask, refined by texture and a local threshold.

Known, from the authors' repository: grey image at 640 px, texture map (21 x 21, sigma 5), zero outside the rough mask,
OpenCV adaptive Gaussian threshold (block 11, C 1) on the inverted map; what falls below its local mean is wrinkle.
Their texture map wraps around in 8 bits, a quirk that is not copied: ours is paper 2's eq. 1.
FFHQ-Wrinkle has no rough masks: ``rough_mask`` makes them from drawn ones, which is this project's assumption.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.errors import ContractError, InvalidParameterError
from wrinkle_core.texture import texture_map

__all__ = ["LABEL_FRAME_PX", "rough_mask", "semi_automatic_label"]

LABEL_FRAME_PX: Final = 640
_BLOCK_PX: Final = 11
_OFFSET: Final = 1


def rough_mask(drawn: NDArray[np.uint8], *, dilate_px: int = 7) -> NDArray[np.uint8]:
    """Grow a drawn wrinkle mask to the kind of broad strokes an annotator would paint.

    Args:
        drawn: (H, W) uint8 {0, 1}.
        dilate_px: Radius in pixels of the mask, 1 to 50; 5 to 9 is meant for the 1024 px frame.

    Returns:
        (H, W) uint8 {0, 1}.

    Raises:
        ContractError: The mask is not as above.
        InvalidParameterError: The radius is out of range.
    """
    _require_mask(drawn, "The drawn mask")
    if not 1 <= dilate_px <= 50:
        raise InvalidParameterError(f"A rough mask grows by 1 to 50 px, got {dilate_px}.")
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * dilate_px + 1, 2 * dilate_px + 1))
    return np.asarray(cv2.dilate(drawn, element), np.uint8)


def semi_automatic_label(face_rgb: NDArray[np.uint8], rough: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the label that a rough mask gives on a face.

    Args:
        face_rgb: (S, S, 3) uint8 RGB, aligned, unmasked.
        rough: (S, S) uint8 {0, 1}, broad strokes over the wrinkles.

    Returns:
        (S, S) uint8 {0, 1}, inside ``rough``; made at 640 px and brought back by nearest neighbour.

    Raises:
        ContractError: Face or mask is not as above.
    """
    side = face_rgb.shape[0]
    if face_rgb.dtype != np.uint8 or face_rgb.shape != (side, side, 3):
        raise ContractError(f"A label needs an aligned face (S, S, 3) uint8, got {face_rgb.shape} {face_rgb.dtype}.")
    _require_mask(rough, "The rough mask")
    if rough.shape != (side, side):
        raise ContractError(f"The rough mask is {rough.shape}, the face {face_rgb.shape[:2]}; they must be equal.")
    method = cv2.INTER_AREA if side > LABEL_FRAME_PX else cv2.INTER_LINEAR
    frame = (LABEL_FRAME_PX, LABEL_FRAME_PX)
    texture = texture_map(np.asarray(cv2.resize(face_rgb, frame, interpolation=method), np.uint8))
    stroke = np.asarray(cv2.resize(rough, frame, interpolation=cv2.INTER_NEAREST), np.uint8)
    inverted = 255 - texture * stroke
    below_mean = cv2.adaptiveThreshold(
        inverted, 1, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY_INV, _BLOCK_PX, _OFFSET
    )
    label = np.asarray(cv2.resize(below_mean, (side, side), interpolation=cv2.INTER_NEAREST), np.uint8)
    return label & rough


def _require_mask(mask: NDArray[np.uint8], what: str) -> None:
    if mask.dtype != np.uint8 or mask.ndim != 2 or not mask.size or int(mask.max()) > 1:
        raise ContractError(f"{what} must be (H, W) uint8 with values 0 and 1, got {mask.shape} {mask.dtype}.")
