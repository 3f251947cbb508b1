from __future__ import annotations

import cv2
import numpy as np
import pytest


@pytest.fixture
def grey_jpeg() -> bytes:
    """Return a plain grey picture without a face, (300, 300)."""
    _, code = cv2.imencode(".jpg", np.full((300, 300, 3), 128, np.uint8))
    return code.tobytes()
