"""From a photograph to the FFHQ frame and back: one similarity transform.

Both networks were designed for FFHQ crops, so every face is brought there first. Matrices are (2, 3) and map
pixel-centre coordinates of the photograph to those of the aligned square (integer = centre, as in ``cv2.warpAffine``).

Source: the FFHQ data set's alignment rule (Karras et al., "A Style-Based Generator Architecture", appendix A), which
takes eye and mouth centres; here they come from the face mesh instead of a 68-point model.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.errors import NoFaceError
from wrinkle_core.face_mask import LEFT_EYE, RIGHT_EYE

__all__ = ["ffhq_alignment", "inter_ocular_px", "photo_in_frame", "transform_points", "warp_to_aligned"]

_MOUTH_CORNERS: Final = (61, 291)
_EYE_DISTANCES: Final = 2.0
_EYE_MOUTH_DISTANCES: Final = 1.8
_DOWN_SHIFT: Final = 0.1


def _eyes(landmarks_xy: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    points = landmarks_xy.astype(np.float64)
    return points[list(RIGHT_EYE)].mean(axis=0), points[list(LEFT_EYE)].mean(axis=0)


def inter_ocular_px(landmarks_xy: NDArray[np.float32]) -> float:
    """Return the distance between the centres of the two eye rings, in the landmarks' pixels."""
    right, left = _eyes(landmarks_xy)
    return float(np.hypot(*(left - right)))


def ffhq_alignment(landmarks_xy: NDArray[np.float32], side_px: int) -> NDArray[np.float64]:
    """Return the similarity transform that brings a face into the FFHQ frame.

    Args:
        landmarks_xy: (468, 2) in photograph pixels.
        side_px: Side of the aligned square in pixels.

    Returns:
        (2, 3) float64 matrix, photograph to aligned.

    Raises:
        NoFaceError: The landmarks collapse to a point, so there is no face to align.
    """
    right_eye, left_eye = _eyes(landmarks_xy)
    mouth = landmarks_xy[list(_MOUTH_CORNERS)].astype(np.float64).mean(axis=0)
    eye_to_eye = left_eye - right_eye
    eye_centre = (left_eye + right_eye) / 2
    eye_to_mouth = mouth - eye_centre

    along = eye_to_eye + np.array([eye_to_mouth[1], -eye_to_mouth[0]])  # both point to picture right on an upright face
    length = float(np.hypot(*along))
    half_side = max(
        float(np.hypot(*eye_to_eye)) * _EYE_DISTANCES, float(np.hypot(*eye_to_mouth)) * _EYE_MOUTH_DISTANCES
    )
    if length < 1e-6 or half_side < 1.0:
        raise NoFaceError("The face found is too small to align; send a closer photograph.")
    cos, sin = along / length
    scale = side_px / (2 * half_side)
    centre = eye_centre + eye_to_mouth * _DOWN_SHIFT

    rotation = scale * np.array([[cos, sin], [-sin, cos]])
    target = (side_px - 1) / 2
    return np.column_stack([rotation, target - rotation @ centre])


def transform_points(points_xy: NDArray[np.float32], matrix: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return (K, 2) points after a (2, 3) affine ``matrix``, as float32."""
    moved: NDArray[np.float32] = (points_xy @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    return moved


def photo_in_frame(matrix: NDArray[np.float64], width_px: int, height_px: int, side_px: int) -> NDArray[np.uint8]:
    """Return where an aligned square shows the photograph.

    Args:
        matrix: (2, 3) photograph to aligned.
        width_px: Width of the photograph.
        height_px: Height of the photograph.
        side_px: Side of the square.

    Returns:
        (side_px, side_px) uint8 in {0, 1}.
    """
    right, bottom = width_px - 1, height_px - 1
    corners = np.array([[0, 0], [right, 0], [right, bottom], [0, bottom]], np.float32)
    fixed = np.rint(np.clip(transform_points(corners, matrix), -1e5, 1e5) * 16).astype(np.int32)
    seen: NDArray[np.uint8] = np.zeros((side_px, side_px), np.uint8)
    cv2.fillConvexPoly(seen, fixed, (1,), shift=4)
    return seen


def warp_to_aligned(photo_rgb: NDArray[np.uint8], matrix: NDArray[np.float64], side_px: int) -> NDArray[np.uint8]:
    """Return the aligned square; what lies outside the photograph is black.

    A face much larger than the frame is first reduced by whole-number area averaging, so that no line is aliased away.

    Args:
        photo_rgb: (H, W, 3) uint8.
        matrix: (2, 3) photograph to aligned.
        side_px: Side of the square in pixels.

    Returns:
        (side_px, side_px, 3) uint8.
    """
    source, to_aligned = _crop_and_reduce(photo_rgb, matrix, side_px)
    if source.size == 0:
        return np.zeros((side_px, side_px, 3), np.uint8)
    return np.asarray(cv2.warpAffine(source, to_aligned, (side_px, side_px), flags=cv2.INTER_LINEAR), np.uint8)


def _crop_and_reduce(
    photo_rgb: NDArray[np.uint8], matrix: NDArray[np.float64], side_px: int
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return a reduced copy of the part that the square needs, and the matrix from there to the square."""
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    factor = int(1 / scale + 0.5)
    if factor < 2:
        return photo_rgb, matrix
    height, width = photo_rgb.shape[:2]
    corners = np.array([[0, 0], [side_px, 0], [0, side_px], [side_px, side_px]], np.float32) - np.float32(0.5)
    footprint = transform_points(corners, np.asarray(cv2.invertAffineTransform(matrix), np.float64))
    x0, y0 = np.clip(np.floor(footprint.min(axis=0)).astype(int) - 2 * factor, 0, (width, height))
    x1, y1 = np.clip(np.ceil(footprint.max(axis=0)).astype(int) + 2 * factor, 0, (width, height))
    columns, rows = (x1 - x0) // factor, (y1 - y0) // factor
    part = photo_rgb[y0 : y0 + rows * factor, x0 : x0 + columns * factor]
    if part.size == 0:
        return part, matrix
    reduced = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA)
    centre = (factor - 1) / 2
    to_photo = np.array([[factor, 0, centre + x0], [0, factor, centre + y0], [0, 0, 1]])
    return np.asarray(reduced, np.uint8), matrix @ to_photo
