"""Grace Hopper's portrait, decoded and with its landmarks."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from wrinkle_core.decode import decode_image
from wrinkle_core.landmarks import FaceLandmarker, FaceMesh


@pytest.fixture(scope="session")
def hopper_rgb(grace_hopper_jpeg: bytes) -> NDArray[np.uint8]:
    """Return the portrait, (600, 512, 3) RGB, read-only."""
    return decode_image(grace_hopper_jpeg)


@pytest.fixture(scope="session")
def hopper(face_landmarker: FaceLandmarker, hopper_rgb: NDArray[np.uint8]) -> FaceMesh:
    """Return the face found in it."""
    return face_landmarker.find(hopper_rgb)
