"""Brings two faces into one frame, so that a pixel shows the same place of the skin in both.

The first photograph goes to the FFHQ frame as for segmentation. The second is moved onto the first by the similarity
transform (turn, scale, shift) that brings its 468 landmarks closest in the least-squares sense. What remains between
the landmarks is the residual: a turned head or another expression cannot be undone by a similarity.

Source: Umeyama, "Least-squares estimation of transformation parameters between two point patterns", IEEE TPAMI 13(4),
1991, in two dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wrinkle_client.result import SegmentationResult
from wrinkle_core.alignment import (
    ffhq_alignment,
    inter_ocular_px,
    photo_in_frame,
    transform_points,
    warp_to_aligned,
)
from wrinkle_core.decode import decode_image
from wrinkle_core.errors import ContractError, NoFaceError
from wrinkle_core.face_mask import face_mask
from wrinkle_core.geometry import Geometry

__all__ = ["FRAME_PX", "AlignedFace", "AlignedPair", "align_pair", "closest_similarity"]

FRAME_PX: Final = 1024
_COVERED: Final = 96  # of 255: a pixel of the frame is marked when about three eighths of it are


@dataclass(frozen=True, slots=True, eq=False)
class AlignedFace:
    """One photograph in the common frame.

    Attributes:
        face_rgb: (S, S, 3) uint8, black outside the photograph.
        mask: (S, S) uint8 in {0, 1}, the wrinkles.
        seen: (S, S) uint8 in {0, 1}, where the segmenter could mark wrinkles.
    """

    face_rgb: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    seen: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class AlignedPair:
    """Both photographs in the frame of the first.

    Attributes:
        before: The first.
        after: The second.
        interocular_px: Distance between the eyes of the first, in the frame.
        residual_iod: Median distance between corresponding landmarks, in inter-ocular distances.
    """

    before: AlignedFace
    after: AlignedFace
    interocular_px: float
    residual_iod: float


def align_pair(before: SegmentationResult, after: SegmentationResult) -> AlignedPair:
    """Return both results in one frame of ``FRAME_PX``.

    Raises:
        ContractError: A result came without geometry or photograph.
        NoFaceError: The landmarks of a face collapse to a point.
    """
    before_xy, after_xy = _geometry(before).landmarks_xy, _geometry(after).landmarks_xy
    before_to_frame = ffhq_alignment(before_xy, FRAME_PX)
    target_xy = transform_points(before_xy, before_to_frame)
    after_to_frame = closest_similarity(after_xy, target_xy)
    moved_xy = transform_points(after_xy, after_to_frame)
    interocular_px = inter_ocular_px(target_xy)
    residual_px = float(np.median(np.linalg.norm(moved_xy - target_xy, axis=1)))
    return AlignedPair(
        _in_frame(before, before_to_frame),
        _in_frame(after, after_to_frame),
        interocular_px,
        residual_px / interocular_px,
    )


def closest_similarity(source_xy: NDArray[np.float32], target_xy: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the (2, 3) similarity transform that brings (K, 2) points closest to others, without mirroring.

    Raises:
        NoFaceError: The points all lie on one place.
    """
    source = source_xy.astype(np.float64) - source_xy.mean(axis=0)
    target = target_xy.astype(np.float64) - target_xy.mean(axis=0)
    spread = float((source**2).sum())
    if spread < 1e-9:
        raise NoFaceError("The face found is too small to align; send a closer photograph.")
    cos = float((source * target).sum()) / spread
    sin = float((source[:, 0] * target[:, 1] - source[:, 1] * target[:, 0]).sum()) / spread
    turn = np.array([[cos, -sin], [sin, cos]])
    return np.column_stack([turn, target_xy.mean(axis=0) - turn @ source_xy.mean(axis=0)])


def _in_frame(result: SegmentationResult, to_frame: NDArray[np.float64]) -> AlignedFace:
    geometry = _geometry(result)
    if result.photo is None:
        raise ContractError("A result without its photograph cannot be compared.")
    marked = np.repeat(result.mask[..., None] * np.uint8(255), 3, axis=2)
    landmarks_xy = transform_points(geometry.landmarks_xy, to_frame)
    skin = face_mask(landmarks_xy, FRAME_PX, FRAME_PX, geometry.segmenter.mask_rule)
    inside = photo_in_frame(to_frame, geometry.image_width_px, geometry.image_height_px, FRAME_PX)
    mask = (warp_to_aligned(marked, to_frame, FRAME_PX)[..., 0] >= _COVERED).astype(np.uint8)
    return AlignedFace(warp_to_aligned(decode_image(result.photo), to_frame, FRAME_PX), mask, skin & inside)


def _geometry(result: SegmentationResult) -> Geometry:
    if result.geometry is None:
        raise ContractError("A result without geometry cannot be compared: call segment(..., geometry=True).")
    return result.geometry
