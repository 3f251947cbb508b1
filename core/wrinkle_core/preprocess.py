"""From an upright photograph to a segmenter's input: landmarks, alignment, mask, texture map.

Both networks get the face aligned to the FFHQ frame. ``unetpp`` sees RGB skin at 512, ``unet_texture`` RGB face plus
texture map at 1024; everything outside the mask is 0. Normalisation is inside the exported graph.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.alignment import ffhq_alignment, transform_points, warp_to_aligned
from wrinkle_core.contract import SegmenterContract
from wrinkle_core.face_mask import face_mask
from wrinkle_core.geometry import Geometry
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.quality import capture_quality
from wrinkle_core.texture import KERNEL_PX, texture_map

__all__ = ["Prepared", "network_input", "prepare"]


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """What preprocess hands on.

    Attributes:
        network_input: (1, C, S, S) uint8.
        geometry: How to get back to the photograph.
    """

    network_input: NDArray[np.uint8]
    geometry: Geometry


def network_input(
    aligned_rgb: NDArray[np.uint8], mask: NDArray[np.uint8], spec: SegmenterContract
) -> NDArray[np.uint8]:
    """Return one segmenter's input from an aligned face.

    Args:
        aligned_rgb: (S, S, 3) uint8, *unmasked*, S = ``spec.input_px``.
        mask: (S, S) in {0, 1}.
        spec: The segmenter.

    Returns:
        (C, S, S) uint8, channels in the contract's order, 0 outside the mask.
    """
    planes: NDArray[np.uint8] = np.empty((len(spec.channels), *mask.shape), np.uint8)
    for channel in range(3):
        np.multiply(aligned_rgb[..., channel], mask, out=planes[channel])
    if "texture" in spec.channels:
        planes[3] = _masked_texture(aligned_rgb, mask)
    return planes


def _masked_texture(aligned_rgb: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the masked texture map, blurring no more than the mask's bounding box and the kernel's reach around it."""
    texture: NDArray[np.uint8] = np.zeros(mask.shape, np.uint8)
    left, top, width, height = cv2.boundingRect(mask)
    rows, columns = slice(top, top + height), slice(left, left + width)
    reach = KERNEL_PX // 2
    above, before = min(top, reach), min(left, reach)
    around = aligned_rgb[top - above : top + height + reach, left - before : left + width + reach]
    if width:
        inner = texture_map(around)[above : above + height, before : before + width]
        np.multiply(inner, mask[rows, columns], out=texture[rows, columns])
    return texture


def prepare(photo_rgb: NDArray[np.uint8], spec: SegmenterContract, landmarker: FaceLandmarker) -> Prepared:
    """Prepare the largest face of a photograph for one segmenter.

    Args:
        photo_rgb: (H, W, 3) uint8 RGB, upright.
        spec: The segmenter.
        landmarker: Finds the face.

    Raises:
        NoFaceError: No face was found.
    """
    mesh = landmarker.find(photo_rgb)
    landmarks_xy = np.ascontiguousarray(mesh.landmarks_xyz[:, :2])
    side = spec.input_px
    to_aligned = ffhq_alignment(landmarks_xy, side)
    aligned_rgb = warp_to_aligned(photo_rgb, to_aligned, side)
    mask = face_mask(transform_points(landmarks_xy, to_aligned), side, side, spec.mask_rule)
    height_px, width_px = photo_rgb.shape[:2]
    return Prepared(
        network_input=network_input(aligned_rgb, mask, spec)[np.newaxis],
        geometry=Geometry(
            segmenter=spec,
            image_width_px=width_px,
            image_height_px=height_px,
            photo_to_aligned=to_aligned,
            quality=capture_quality(mesh, photo_rgb, aligned_rgb, mask),
            landmarks_xy=landmarks_xy,
        ),
    )
