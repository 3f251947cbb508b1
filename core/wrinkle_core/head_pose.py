"""Which way the head is turned, from the face mesh.

The mesh is fitted, turned and scaled only, to the points of MediaPipe's canonical face that hardly move with the
expression. The rotation is split as roll (in the picture) after yaw after pitch, so that turning the photograph changes
roll alone. Zero is a face that looks straight into the camera.

Source: ``canonical_face_model.obj`` of MediaPipe (Apache-2.0); Kabsch, Acta Cryst. A32 (1976) 922.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["HeadPose", "head_pose"]

# Landmark: x, y, z in centimetres; x to the subject's left, y up, z towards the camera.
_CANONICAL: Final = {
    10: (0.0, 8.261778, 4.481535),
    151: (0.0, 6.54539, 5.027311),
    168: (0.0, 3.271027, 5.236015),
    6: (0.0, 2.473255, 5.788627),
    1: (0.0, -1.126865, 7.475604),
    67: (-3.523964, 8.005976, 3.729163),
    297: (3.523964, 8.005976, 3.729163),
    54: (-6.279331, 6.615427, 1.42585),
    284: (6.279331, 6.615427, 1.42585),
    127: (-7.743095, 2.364999, -2.005167),
    356: (7.743095, 2.364999, -2.005167),
    33: (-4.445859, 2.663991, 3.173422),
    133: (-1.856432, 2.585245, 3.757904),
    362: (1.856432, 2.585245, 3.757904),
    263: (4.445859, 2.663991, 3.173422),
    234: (-7.664182, 0.673132, -2.435867),
    454: (7.664182, 0.673132, -2.435867),
}
_INDICES: Final = list(_CANONICAL)
_MODEL: Final = np.array(list(_CANONICAL.values())) * (1.0, -1.0, -1.0)  # y down, z away from the camera, as the mesh
_MODEL_CENTERED: Final = _MODEL - _MODEL.mean(axis=0)


@dataclass(frozen=True, slots=True)
class HeadPose:
    """Angles in degrees.

    Attributes:
        yaw_deg: Turned to the side, positive to the subject's left, [-90, 90].
        pitch_deg: Tilted, positive looking up, (-180, 180].
        roll_deg: Leaned, positive clockwise in the picture, (-180, 180].
    """

    yaw_deg: float
    pitch_deg: float
    roll_deg: float


def head_pose(landmarks_xyz: NDArray[np.float32]) -> HeadPose:
    """Return the head's angles from (468, 3) landmarks in photograph pixels, z smaller nearer to the camera."""
    points = landmarks_xyz[_INDICES].astype(np.float64)
    left, _, right = np.linalg.svd((points - points.mean(axis=0)).T @ _MODEL_CENTERED)
    handedness = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])  # no mirror image
    rotation = (left * handedness) @ right  # canonical to photograph
    across, down, forth = rotation[:, 0], rotation[2, 1], rotation[2, 2]
    return HeadPose(
        yaw_deg=float(np.degrees(np.arctan2(across[2], np.hypot(across[0], across[1])))),
        pitch_deg=float(np.degrees(-np.arctan2(down, forth))),
        roll_deg=float(np.degrees(np.arctan2(across[1], across[0]))),
    )
