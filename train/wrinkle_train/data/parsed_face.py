"""From face parsing classes to the face paper 2 works on: skin and nose, nothing else.

Source: ``face_masking.py`` of labhai/ffhq-wrinkle-dataset keeps classes 1 (skin) and 10 (nose) of 19 and enlarges the
512 px map by nearest neighbour.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["KEPT_CLASSES", "parsed_face_mask"]

KEPT_CLASSES: Final = (1, 10)


def parsed_face_mask(classes: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    """Return the (side_px, side_px) mask {0, 1} of skin and nose from an (S, S) map of classes 0 to 18."""
    kept = np.isin(classes, KEPT_CLASSES).astype(np.uint8)
    return np.asarray(cv2.resize(kept, (side_px, side_px), interpolation=cv2.INTER_NEAREST), np.uint8)
