"""What preprocess hands to the threshold step beside the network input: GEOMETRY, FP32 [N].

Layout: contract version, segmenter id, width and height of the upright photograph, the six values of the alignment
matrix, the capture-quality figures in the order of ``CaptureQuality``'s fields, 468 landmarks as x, y pairs in the
photograph's pixels, then the stamp of the preprocess step, see step_timings.py; zeros when there is none. All values
are float32; integers stay exact below 2**24.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wrinkle_core.contract import CONTRACT_VERSION, SegmenterContract, segmenter_by_id
from wrinkle_core.contract_version import require_contract_version
from wrinkle_core.errors import ContractError
from wrinkle_core.step_timings import STAMP_LENGTH, PreprocessStamp

__all__ = ["GEOMETRY_LENGTH", "LANDMARK_COUNT", "CaptureQuality", "Geometry"]

LANDMARK_COUNT: Final = 468


@dataclass(frozen=True, slots=True)
class CaptureQuality:
    """Figures about the photograph itself, measured before segmentation.

    Attributes:
        face_height_px: Height of the face oval in photograph pixels.
        yaw_deg: Head turned to the side, degrees; positive to the subject's left.
        pitch_deg: Head tilted, degrees; positive looking up.
        roll_deg: Head leaned, degrees; positive clockwise in the picture.
        sharpness: Focus over the face at 512 px, see sharpness.py; higher is sharper.
        exposure: Mean luma of the skin in [0, 1].
        clipped_fraction: Share of skin pixels that are nearly black or blown out, [0, 1].
        outside_frame_fraction: Share of the face that lies outside the photograph, [0, 1].
        detection_score: Confidence of the face mesh in [0, 1].
        faces: Number of faces found.
    """

    face_height_px: float
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    sharpness: float
    exposure: float
    clipped_fraction: float
    outside_frame_fraction: float
    detection_score: float
    faces: float


_HEADER: Final = 10
_QUALITY: Final = len(fields(CaptureQuality))
GEOMETRY_LENGTH: Final = _HEADER + _QUALITY + 2 * LANDMARK_COUNT + STAMP_LENGTH


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """Where the aligned frame lies in the photograph.

    Attributes:
        segmenter: The segmenter this was prepared for.
        image_width_px: Width of the upright photograph.
        image_height_px: Height of the upright photograph.
        photo_to_aligned: (2, 3) float64 affine matrix from photograph pixels to network-input pixels.
        quality: Capture-quality figures.
        landmarks_xy: (468, 2) float32 in photograph pixels.
        stamp: When preprocessing ended and how long it took, by the clock of the machine that did it; None when nobody
            measured.
    """

    segmenter: SegmenterContract
    image_width_px: int
    image_height_px: int
    photo_to_aligned: NDArray[np.float64]
    quality: CaptureQuality
    landmarks_xy: NDArray[np.float32]
    stamp: PreprocessStamp | None = None

    def __eq__(self, other: object) -> bool:
        """Return whether both say the same of the photograph, as float32; the stamp is not compared."""
        if not isinstance(other, Geometry):
            return NotImplemented
        return np.array_equal(replace(self, stamp=None).pack(), replace(other, stamp=None).pack())

    def __hash__(self) -> int:
        return hash((self.segmenter, self.image_width_px, self.image_height_px))

    def pack(self) -> NDArray[np.float32]:
        """Return the GEOMETRY tensor, (GEOMETRY_LENGTH,) float32."""
        head = (CONTRACT_VERSION, self.segmenter.id, self.image_width_px, self.image_height_px)
        return np.concatenate(
            [
                np.asarray(head, np.float32),
                self.photo_to_aligned.astype(np.float32).ravel(),
                np.asarray(astuple(self.quality), np.float32),
                self.landmarks_xy.astype(np.float32).ravel(),
                np.zeros(STAMP_LENGTH, np.float32) if self.stamp is None else self.stamp.pack(),
            ]
        )

    @classmethod
    def unpack(cls, tensor: NDArray[np.float32]) -> Geometry:
        """Read a GEOMETRY tensor.

        Raises:
            ContractError: Length, contract version or a value does not fit.
        """
        values = np.asarray(tensor, np.float32).ravel()
        if values.size and np.isfinite(values[0]):
            require_contract_version(float(values[0]), of="The side that made GEOMETRY", here="the side that reads it")
        if values.size != GEOMETRY_LENGTH:
            raise ContractError(f"GEOMETRY has {values.size} values, expected {GEOMETRY_LENGTH}.")
        if not np.isfinite(values).all():
            raise ContractError("GEOMETRY holds a value that is not finite.")
        if not np.array_equal(values[1:4], np.trunc(values[1:4])):
            raise ContractError("GEOMETRY gives a segmenter or an image size that is no whole number.")
        width, height = int(values[2]), int(values[3])
        if width < 1 or height < 1:
            raise ContractError(f"GEOMETRY gives an image of {width}x{height} pixels.")
        return cls(
            segmenter=segmenter_by_id(int(values[1])),
            image_width_px=width,
            image_height_px=height,
            photo_to_aligned=values[4:_HEADER].astype(np.float64).reshape(2, 3),
            quality=CaptureQuality(*(float(v) for v in values[_HEADER : _HEADER + _QUALITY])),
            landmarks_xy=values[_HEADER + _QUALITY : -STAMP_LENGTH].reshape(LANDMARK_COUNT, 2).copy(),
            stamp=PreprocessStamp.unpack(values[-STAMP_LENGTH:]),
        )
