"""Weak wrinkle labels: masked texture maps of aligned faces, paper 2's target of stage 1.

Order: texture map of the unmasked 1024 px face (eq. 1), then 0 outside the face. The paper masks with a face parser
(skin and nose); the default here is the face mesh, which needs no further network.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from wrinkle_core.alignment import ffhq_alignment, transform_points, warp_to_aligned
from wrinkle_core.contract import MaskRule
from wrinkle_core.errors import ContractError
from wrinkle_core.face_mask import face_mask
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.texture import texture_map
from wrinkle_train.data.records import FRAME_PX
from wrinkle_train.weak_labels.face_parsing import FaceParser

__all__ = ["WeakLabelOptions", "WeakLabeller"]


@dataclass(frozen=True, slots=True)
class WeakLabelOptions:
    """How weak labels are made.

    Attributes:
        mode: Form of the texture map, see ``wrinkle_core.texture.texture_map``; ``dark_floor`` is closer to the
            released labels.
        align: Whether pictures are photographs to be aligned first; else they must be 1024 x 1024 FFHQ crops.
        parser: ONNX face parser for the mask; None takes the face mesh.
    """

    mode: Literal["literal", "dark_floor"] = "literal"
    align: bool = False
    parser: Path | None = None


class WeakLabeller:
    """Makes weak labels; holds compiled networks, so use one object per process.

    Args:
        options: How.
        landmarker: One is made when it is needed and not given.

    Raises:
        ArtifactError: A network is missing or of the wrong kind.
    """

    def __init__(self, options: WeakLabelOptions, landmarker: FaceLandmarker | None = None) -> None:
        self._options = options
        self._parser = FaceParser(options.parser) if options.parser is not None else None
        needed = options.align or self._parser is None
        self._landmarker = (landmarker or FaceLandmarker()) if needed else None

    def label(self, photo_rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the (1024, 1024) uint8 masked texture map of one picture, (H, W, 3) uint8 RGB.

        Raises:
            NoFaceError: No face was found.
            ContractError: The picture is no 1024 x 1024 crop and is not to be aligned.
        """
        if not self._options.align and photo_rgb.shape[:2] != (FRAME_PX, FRAME_PX):
            raise ContractError(
                f"The picture is {photo_rgb.shape[1]} x {photo_rgb.shape[0]}, a texture map needs an FFHQ crop of "
                f"{FRAME_PX} x {FRAME_PX}; use --align for photographs."
            )
        face_rgb, landmarks_xy = photo_rgb, None
        if self._landmarker is not None:
            landmarks_xy = np.ascontiguousarray(self._landmarker.find(photo_rgb).landmarks_xyz[:, :2])
            if self._options.align:
                to_aligned = ffhq_alignment(landmarks_xy, FRAME_PX)
                face_rgb = warp_to_aligned(photo_rgb, to_aligned, FRAME_PX)
                landmarks_xy = transform_points(landmarks_xy, to_aligned)
        return texture_map(face_rgb, mode=self._options.mode) * self._face(face_rgb, landmarks_xy)

    def _face(self, face_rgb: NDArray[np.uint8], landmarks_xy: NDArray[np.float32] | None) -> NDArray[np.uint8]:
        if self._parser is not None:
            return self._parser.face_mask(face_rgb)
        if landmarks_xy is None:
            raise ContractError("A mask from the mesh needs landmarks.")
        return face_mask(landmarks_xy, FRAME_PX, FRAME_PX, MaskRule.FACE)
