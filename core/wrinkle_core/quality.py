"""Capture quality: figures about the photograph, and named warnings, never a refusal.

The limits are those commercial skin-analysis services gate on (face of at least 400 px, yaw up to 30 degrees, pitch up
to 40), and for light and focus our own, chosen on photographs made worse on purpose. Occlusion is not measured: a hand
has the colour of skin, and the mesh network stays confident behind glasses and hair.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.alignment import ffhq_alignment, photo_in_frame
from wrinkle_core.face_mask import OVAL
from wrinkle_core.geometry import CaptureQuality
from wrinkle_core.head_pose import head_pose
from wrinkle_core.landmarks import FaceMesh
from wrinkle_core.report import QualityWarning
from wrinkle_core.sharpness import sharpness

__all__ = ["capture_quality", "quality_warnings"]

MIN_FACE_HEIGHT_PX: Final = 400.0
MAX_YAW_DEG: Final = 30.0
MAX_PITCH_DEG: Final = 40.0
MAX_ROLL_DEG: Final = 45.0
MIN_SHARPNESS: Final = 0.44
MIN_EXPOSURE: Final = 0.15
MAX_EXPOSURE: Final = 0.85
MAX_CLIPPED_FRACTION: Final = 0.1
MAX_OUTSIDE_FRACTION: Final = 0.02
_BLACK_LUMA: Final = 10
_WHITE_LUMA: Final = 245
_AREA_NOISE: Final = 1e-5  # OpenCV intersects polygons in single precision


def capture_quality(
    mesh: FaceMesh,
    photo_px: tuple[int, int],
    aligned_rgb: NDArray[np.uint8],
    aligned_mask: NDArray[np.uint8],
) -> CaptureQuality:
    """Measure how well the photograph shows the face.

    Args:
        mesh: The face in photograph pixels.
        photo_px: Width and height of the upright photograph.
        aligned_rgb: (S, S, 3) uint8, the face in the FFHQ frame, unmasked.
        aligned_mask: (S, S) uint8 in {0, 1}, the skin in the same frame.

    Returns:
        All figures finite; focus and light are 0 when no skin lies inside the photograph.
    """
    landmarks_xy = mesh.landmarks_xyz[:, :2]
    pose = head_pose(mesh.landmarks_xyz)
    oval_xy = landmarks_xy[list(OVAL)]
    outside_fraction = _outside_fraction(oval_xy, *photo_px)
    skin = aligned_mask
    if outside_fraction > 0.0:
        side_px = aligned_mask.shape[0]
        to_aligned = ffhq_alignment(landmarks_xy, side_px)
        skin = aligned_mask * photo_in_frame(to_aligned, *photo_px, side_px)
    exposure, clipped_fraction = _light(aligned_rgb, skin)
    return CaptureQuality(
        face_height_px=_height_px(oval_xy, pose.roll_deg),
        yaw_deg=pose.yaw_deg,
        pitch_deg=pose.pitch_deg,
        roll_deg=pose.roll_deg,
        sharpness=sharpness(aligned_rgb, skin),
        exposure=exposure,
        clipped_fraction=clipped_fraction,
        outside_frame_fraction=outside_fraction,
        detection_score=float(mesh.score),
        faces=float(mesh.faces),
    )


def quality_warnings(quality: CaptureQuality) -> tuple[QualityWarning, ...]:
    """Return a warning for each figure beyond its limit; each says what was measured, the limit and what to do."""
    return tuple(_warnings(quality))


def _warnings(quality: CaptureQuality) -> Iterator[QualityWarning]:
    if quality.face_height_px < MIN_FACE_HEIGHT_PX:
        yield QualityWarning(
            "FACE_TOO_SMALL",
            f"The face is {quality.face_height_px:.0f} px high, at least {MIN_FACE_HEIGHT_PX:.0f} px are needed to see "
            "fine lines; move closer or send the photograph in full resolution.",
        )
    for code, name, angle_deg, limit_deg, remedy in (
        ("YAW_TOO_LARGE", "turned to the side", quality.yaw_deg, MAX_YAW_DEG, "look straight into the camera"),
        ("PITCH_TOO_LARGE", "tilted up or down", quality.pitch_deg, MAX_PITCH_DEG, "hold the camera at eye level"),
        ("ROLL_TOO_LARGE", "leaned over", quality.roll_deg, MAX_ROLL_DEG, "turn the photograph upright"),
    ):
        if abs(angle_deg) > limit_deg:
            yield QualityWarning(
                code, f"The head is {name} by {abs(angle_deg):.0f} degrees, at most {limit_deg:.0f} are good; {remedy}."
            )
    if quality.sharpness < MIN_SHARPNESS:
        yield QualityWarning(
            "BLURRED",
            f"The face's sharpness is {quality.sharpness:.2f}, at least {MIN_SHARPNESS:.2f} is needed; focus on the "
            "eyes, hold the camera still and clean the lens.",
        )
    clipped = quality.clipped_fraction > MAX_CLIPPED_FRACTION
    light = (
        f"The skin's mean brightness is {quality.exposure:.2f} of 1 and {quality.clipped_fraction:.0%} of it is black "
        f"or white; good is {MIN_EXPOSURE:.2f} to {MAX_EXPOSURE:.2f} with at most {MAX_CLIPPED_FRACTION:.0%}"
    )
    if quality.exposure < MIN_EXPOSURE or (clipped and quality.exposure < 0.5):
        yield QualityWarning("UNDEREXPOSED", f"{light}; use more, even light.")
    elif quality.exposure > MAX_EXPOSURE or clipped:
        yield QualityWarning("OVEREXPOSED", f"{light}; use less light and no flash.")
    if quality.outside_frame_fraction > MAX_OUTSIDE_FRACTION:
        yield QualityWarning(
            "FACE_OUT_OF_FRAME",
            f"{quality.outside_frame_fraction:.0%} of the face lies outside the photograph, at most "
            f"{MAX_OUTSIDE_FRACTION:.0%} is good; show the whole face.",
        )
    if quality.faces > 1:
        yield QualityWarning(
            "SEVERAL_FACES",
            f"{quality.faces:.0f} faces were found and only the largest is analysed; crop to the face you mean.",
        )


def _height_px(oval_xy: NDArray[np.float32], roll_deg: float) -> float:
    """Return the oval's extent along the face's own vertical."""
    roll_rad = np.radians(roll_deg)
    along = oval_xy.astype(np.float64) @ np.array([-np.sin(roll_rad), np.cos(roll_rad)])
    return float(np.ptp(along))


def _outside_fraction(oval_xy: NDArray[np.float32], width_px: int, height_px: int) -> float:
    """Return the share of the oval's convex hull that lies outside the photograph, pixels being unit squares."""
    hull = cv2.convexHull(oval_xy.astype(np.float32))
    right, bottom = width_px - 0.5, height_px - 0.5
    frame = np.array([[-0.5, -0.5], [right, -0.5], [right, bottom], [-0.5, bottom]], np.float32)
    inside_area, _ = cv2.intersectConvexConvex(hull, frame)
    area = cv2.contourArea(hull)
    outside = 1.0 - inside_area / area if area > 0.0 else 0.0
    return float(outside) if outside > _AREA_NOISE else 0.0


def _light(aligned_rgb: NDArray[np.uint8], skin: NDArray[np.uint8]) -> tuple[float, float]:
    """Return the skin's mean luma in [0, 1] and the share of it that is nearly black or blown out."""
    left, top, width, height = cv2.boundingRect(skin)
    if width == 0:
        return 0.0, 0.0
    rows, columns = slice(top, top + height), slice(left, left + width)
    luma = cv2.cvtColor(aligned_rgb[rows, columns], cv2.COLOR_RGB2GRAY)
    counts = cv2.calcHist([luma], [0], skin[rows, columns], [256], [0, 256])[:, 0]
    pixels = float(counts.sum())
    clipped = float(counts[: _BLACK_LUMA + 1].sum() + counts[_WHITE_LUMA:].sum())
    return float(counts @ np.arange(256)) / (255.0 * pixels), clipped / pixels
