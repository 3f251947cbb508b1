"""From a photograph to the FFHQ frame and back: one similarity transform.

Both networks were designed for FFHQ crops, so every face is brought there first. Matrices are (2, 3) and map
pixel-centre coordinates of the photograph to those of the aligned square (integer = centre, as in ``cv2.warpAffine``).

Source: the FFHQ data set's alignment rule (Karras et al., "A Style-Based Generator Architecture", appendix A), which
takes eye and mouth centres; here they come from the face mesh instead of a 68-point model.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.errors import NoFaceError
from wrinkle_core.face_mask import LEFT_EYE, RIGHT_EYE

__all__ = ["Box", "ffhq_alignment", "inter_ocular_px", "photo_in_frame", "transform_points", "warp_to_aligned"]

Box: TypeAlias = tuple[int, int, int, int]  # left, top, width, height, as cv2.boundingRect has it

_EYE_RINGS: Final = (np.array(RIGHT_EYE), np.array(LEFT_EYE))
_MOUTH_CORNERS: Final = (61, 291)
_EYE_DISTANCES: Final = 2.0
_EYE_MOUTH_DISTANCES: Final = 1.8
_DOWN_SHIFT: Final = 0.1


def _eyes(landmarks_xy: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    right, left = (landmarks_xy[ring].astype(np.float64).mean(axis=0) for ring in _EYE_RINGS)
    return right, left


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


def warp_to_aligned(
    photo_rgb: NDArray[np.uint8], matrix: NDArray[np.float64], side_px: int, *, needed: Box | None = None
) -> NDArray[np.uint8]:
    """Return the aligned square; what lies outside the photograph is black.

    A face much larger than the frame is first reduced by whole-number area averaging, so that no line is aliased away.

    Args:
        photo_rgb: (H, W, 3) uint8.
        matrix: (2, 3) photograph to aligned.
        side_px: Side of the square in pixels.
        needed: Left, top, width and height of what is needed of the square, all of it by default. There the pixels are
            the same for any box; elsewhere they may be black.

    Returns:
        (side_px, side_px, 3) uint8.
    """
    left, top, width, height = (0, 0, side_px, side_px) if needed is None else needed
    aligned: NDArray[np.uint8] = np.zeros((side_px, side_px, 3), np.uint8)
    source, to_aligned = _crop_and_reduce(photo_rgb, matrix, side_px, (left, top, width, height))
    if source.size == 0 or width == 0 or height == 0:
        return aligned
    to_source = np.asarray(cv2.invertAffineTransform(to_aligned), np.float64)
    to_source[:, 2] += top * to_source[:, 1]
    # A row is warped from column 0: where it begins decides how the steps along it are rounded.
    cv2.warpAffine(
        source,
        to_source,
        (left + width, height),
        dst=aligned[top : top + height, : left + width],
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
    )
    return aligned


def _crop_and_reduce(
    photo_rgb: NDArray[np.uint8], matrix: NDArray[np.float64], side_px: int, box: Box
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return a reduced copy of the part that ``box`` of the square needs, and the matrix from there to the square.

    Where the averaged blocks begin follows from the whole square, so that they are the same for any box.
    """
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    factor = int(1 / scale + 0.5)
    if factor < 2:
        return photo_rgb, matrix
    height, width = photo_rgb.shape[:2]
    x0, y0, x1, y1 = _footprint((0, 0, side_px, side_px), matrix, 2 * factor, width, height)
    columns, rows = (x1 - x0) // factor, (y1 - y0) // factor
    centre = (factor - 1) / 2
    from_reduced = matrix @ np.array([[factor, 0, centre + x0], [0, factor, centre + y0], [0, 0, 1]])
    left, top, right, bottom = _footprint(box, from_reduced, 2, columns, rows)
    part = photo_rgb[y0 + top * factor : y0 + bottom * factor, x0 + left * factor : x0 + right * factor]
    if part.size == 0:
        return part, matrix
    reduced = cv2.resize(part, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    return np.asarray(reduced, np.uint8), from_reduced @ np.array([[1, 0, left], [0, 1, top], [0, 0, 1]])


def _footprint(
    box: Box, matrix: NDArray[np.float64], margin_px: int, width_px: int, height_px: int
) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of what ``box`` shows of a picture that ``matrix`` maps to it."""
    left, top, width, height = box
    x = np.array([left, left + width]) - 0.5
    y = np.array([top, top + height]) - 0.5
    corners = np.stack(np.meshgrid(x, y), axis=-1).reshape(4, 2).astype(np.float32)
    footprint = transform_points(corners, np.asarray(cv2.invertAffineTransform(matrix), np.float64))
    low = np.clip(np.floor(footprint.min(axis=0)).astype(int) - margin_px, 0, (width_px, height_px))
    high = np.clip(np.ceil(footprint.max(axis=0)).astype(int) + margin_px, 0, (width_px, height_px))
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])
