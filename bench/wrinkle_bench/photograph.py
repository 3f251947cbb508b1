"""The photograph that benchmarks send: framed like a portrait, with the detail of a camera's file.

Made from the warm-up photograph, enlarged. Enlarging leaves no fine detail, and a smooth picture decodes faster than a
real one, so sensor-like noise of fixed seed is added.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from wrinkle_server.supervision.canary import canary_photo

__all__ = ["SIDE_PX", "portrait_jpeg"]

SIDE_PX: Final = 1024
_ROWS: Final = slice(0, 300)
_COLUMNS: Final = slice(80, 380)
_NOISE_LEVELS: Final = 5.0
_JPEG_QUALITY: Final = 90


def portrait_jpeg(side_px: int = SIDE_PX) -> bytes:
    """Return the encoded photograph, ``side_px`` high and wide."""
    photo_bgr = cv2.imdecode(np.frombuffer(canary_photo(), np.uint8), cv2.IMREAD_COLOR)
    large_bgr = cv2.resize(photo_bgr[_ROWS, _COLUMNS], (side_px, side_px), interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(0).normal(0.0, _NOISE_LEVELS, large_bgr.shape)
    noisy_bgr = np.clip(large_bgr + noise, 0, 255).astype(np.uint8)
    return cv2.imencode(".jpg", noisy_bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()
