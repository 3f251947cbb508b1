"""The plainest baseline: the texture map of paper 2, eq. 1, cut at one level."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.errors import InvalidParameterError
from wrinkle_core.texture import texture_map
from wrinkle_train.comparison.answer import LineAnswer
from wrinkle_train.comparison.frame import face_frame

__all__ = ["texture_threshold"]

_TEXTURE_PX: Final = 1024


def texture_threshold(face_rgb: NDArray[np.uint8], skin: NDArray[np.uint8], *, threshold: float) -> LineAnswer:
    """Mark every pixel whose texture map reaches ``threshold``; no other step.

    The map's sigma is in pixels of a 1024 px face: the face is brought to that size, the map back to its own.

    Args:
        face_rgb: (S, S, 3) uint8 RGB, aligned.
        skin: (S, S) uint8 {0, 1}.
        threshold: Level of the texture map, 0 < threshold < 255.

    Returns:
        Mask and the texture map, [0, 255].

    Raises:
        ContractError: The face or its mask is not as above.
        InvalidParameterError: The threshold is out of range.
    """
    if not 0 < threshold < 255:
        raise InvalidParameterError(f"A level of the texture map lies between 0 and 255, got {threshold}.")
    frame = face_frame(face_rgb, skin)
    side = frame.grey.shape[0]
    grey = np.rint(frame.grey).astype(np.uint8)
    if side != _TEXTURE_PX:
        method = cv2.INTER_LINEAR if side < _TEXTURE_PX else cv2.INTER_AREA
        grey = np.asarray(cv2.resize(grey, (_TEXTURE_PX, _TEXTURE_PX), interpolation=method), np.uint8)
    texture = texture_map(np.repeat(grey[..., None], 3, axis=2)).astype(np.float32)
    if side != _TEXTURE_PX:
        method = cv2.INTER_AREA if side < _TEXTURE_PX else cv2.INTER_LINEAR
        texture = np.asarray(cv2.resize(texture, (side, side), interpolation=method), np.float32)
    response = texture * frame.interior
    return LineAnswer((response >= threshold).astype(np.uint8), response)
