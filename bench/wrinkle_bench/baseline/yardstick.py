"""A fixed piece of image work in the libraries that the steps use, with none of this project's code.

Steps are compared with it and not with a clock: another machine, or a busy one, makes both slower, and their ratio
moves only when a step itself does more or less. It decodes a photograph, warps it, blurs it and encodes a mask, on one
thread.
"""

from __future__ import annotations

import time
from typing import Final

import cv2
import numpy as np

__all__ = ["Yardstick"]

_SIDE_PX: Final = 512
_SHRINK: Final = np.array([[0.5, 0.0, 0.0], [0.0, 0.5, 0.0]])


class Yardstick:
    """The work on one photograph."""

    def __init__(self, photo: bytes) -> None:
        """Take an encoded photograph."""
        self._encoded = np.frombuffer(photo, np.uint8)

    def milliseconds(self) -> float:
        """Do it once and return how long it took."""
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        try:
            began_s = time.perf_counter()
            picture = cv2.imdecode(self._encoded, cv2.IMREAD_COLOR)
            aligned = cv2.warpAffine(picture, _SHRINK, (_SIDE_PX, _SIDE_PX), flags=cv2.INTER_AREA)
            blurred = cv2.GaussianBlur(aligned, (21, 21), 5.0)
            cv2.imencode(".png", (blurred[..., 1] > aligned[..., 1]).view(np.uint8), (cv2.IMWRITE_PNG_BILEVEL, 1))
            return (time.perf_counter() - began_s) * 1e3
        finally:
            cv2.setNumThreads(threads)
