"""The face mesh network: 468 points of one face, from a square around it.

Source: MediaPipe 0.10.21, ``face_detection_front_detection_to_roi.pbtxt`` (square around the box, long side, 1.5 times,
turned until the eyes are level), ``face_landmark_cpu.pbtxt``, ``landmark_projection_calculator.cc``;
Kartynnik et al., arXiv:1907.06724.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wrinkle_core.face_networks import FaceNetwork
from wrinkle_core.geometry import LANDMARK_COUNT
from wrinkle_core.square_crop import Square, crop_square

__all__ = ["MeshNetwork", "roi_of_detection"]

_ROI_SCALE: Final = 1.5


def roi_of_detection(box_xyxy: NDArray[np.float32], key_points_xy: NDArray[np.float32]) -> Square:
    """Return the square the mesh network looks at.

    Args:
        box_xyxy: (4,) in photograph pixels.
        key_points_xy: (6, 2) in photograph pixels; the first two are the eyes.
    """
    center_x, center_y = (box_xyxy[:2] + box_xyxy[2:]) / 2.0
    across_x, across_y = key_points_xy[1] - key_points_xy[0]
    side_px = _ROI_SCALE * float(np.max(box_xyxy[2:] - box_xyxy[:2]))
    return Square(float(center_x), float(center_y), side_px, float(np.arctan2(across_y, across_x)))


class MeshNetwork:
    """The mesh network; for use by one thread at a time."""

    def __init__(self, model_path: Path, *, threads: int) -> None:
        self._network = FaceNetwork(model_path, pixel_mean=0.0, pixel_scale=255.0, threads=threads)  # [0, 1]

    def fit(self, photo_rgb: NDArray[np.uint8], roi: Square, reduction: int = 1) -> tuple[NDArray[np.float32], float]:
        """Fit the mesh inside ``roi``; ``reduction`` is that of ``crop_square``.

        Returns:
            (468, 3) float32: x, y in photograph pixels, z in the same scale (smaller is nearer to the camera), and the
            probability that there is a face, in [0, 1].
        """
        side = self._network.input_px
        values, flag = self._network(crop_square(photo_rgb, roi, side, replicate_border=True, reduction=reduction))
        points = values.reshape(LANDMARK_COUNT, 3).astype(np.float64)
        matrix = roi.to_photo(side)
        xy = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        z = points[:, 2:] * (roi.side_px / side)
        probability = 1.0 / (1.0 + np.exp(-np.clip(float(flag[0, 0]), -80.0, 80.0)))
        return np.concatenate([xy, z], axis=1).astype(np.float32), float(probability)
