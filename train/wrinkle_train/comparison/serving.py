"""A comparison system behind the service's own preprocess and threshold steps, so that it is scored like a network.

It runs as a ``unetpp``: paper 1, which compares with such filters, sees skin without eyes, brows, nose and mouth, at
512 px.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_train.comparison.registry import ComparisonSystem
from wrinkle_train.served import ServedSegmenter

__all__ = ["MASK_CUT", "as_network", "served"]

MASK_CUT: Final = 0.5
"""Threshold that gives a system's own mask back: its answer is 0 or 255."""


def served(
    system: ComparisonSystem, landmarker: FaceLandmarker | None = None, *, threshold: float | None = None
) -> ServedSegmenter:
    """Return the system as a segmenter of photographs; score it at ``MASK_CUT``.

    Args:
        system: The system.
        landmarker: Finds faces; one is made when not given.
        threshold: The system's own threshold; the recorded one if left out.
    """
    return ServedSegmenter("unetpp", as_network(system, threshold=threshold), landmarker)


def as_network(
    system: ComparisonSystem, *, threshold: float | None = None
) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    """Return a function from a network's input to its answer.

    The function takes (1, C, S, S) uint8, RGB first, 0 outside the skin, and returns (1, S, S) uint8, 255 where the
    system marks and 0 elsewhere.
    """
    cut = system.threshold if threshold is None else threshold

    def infer(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        face_rgb = np.ascontiguousarray(pixels[0, :3].transpose(1, 2, 0))
        return system.run(face_rgb, _skin(face_rgb), threshold=cut).mask[np.newaxis] * np.uint8(255)

    return infer


def _skin(face_rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return where a masked face is not 0; a single black pixel inside the skin is skin."""
    seen = (face_rgb.max(axis=2) > 0).astype(np.uint8)
    return np.asarray(cv2.morphologyEx(seen, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)), np.uint8)
