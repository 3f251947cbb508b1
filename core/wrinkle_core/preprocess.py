"""From an upright photograph to a segmenter's input: landmarks, alignment, mask, texture map.

Both networks get the face aligned to the FFHQ frame. ``unetpp`` sees RGB skin at 512, ``unet_texture`` RGB face plus
texture map at 1024; everything outside the mask is 0. Normalisation is inside the exported graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.alignment import Box, ffhq_alignment, transform_points, warp_to_aligned
from wrinkle_core.contract import SegmenterContract
from wrinkle_core.decode import DecodeLimits, Photograph, ReducedPixels
from wrinkle_core.face_mask import face_mask
from wrinkle_core.geometry import Geometry
from wrinkle_core.jpeg_pixels import Reduction
from wrinkle_core.landmarks import FaceLandmarker, FaceMesh
from wrinkle_core.quality import capture_quality
from wrinkle_core.texture import KERNEL_PX, texture_map

__all__ = ["Prepared", "network_input", "prepare", "prepare_encoded"]

_REDUCTIONS: Final[tuple[Reduction, ...]] = (4, 2)
_PORTRAIT_SHARE: Final = 0.7  # of the photograph's shorter side: the aligned frame of a face that fills the photograph


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
    planes: NDArray[np.uint8] = np.zeros((len(spec.channels), *mask.shape), np.uint8)
    left, top, width, height = cv2.boundingRect(mask)
    if width == 0:
        return planes
    rows, columns = slice(top, top + height), slice(left, left + width)
    face_rgb = cv2.copyTo(aligned_rgb[rows, columns], mask[rows, columns])
    for channel in range(3):
        cv2.extractChannel(face_rgb, channel, dst=planes[channel, rows, columns])
    if "texture" in spec.channels:
        around_left, around_top, around_width, around_height = _with_texture_reach(mask)
        around = aligned_rgb[around_top : around_top + around_height, around_left : around_left + around_width]
        above, before = top - around_top, left - around_left
        texture = texture_map(around)[above : above + height, before : before + width]
        np.multiply(texture, mask[rows, columns], out=planes[3, rows, columns])
    return planes


def _with_texture_reach(mask: NDArray[np.uint8]) -> Box:
    """Return the mask's bounding box and around it what the texture map's kernel reaches, inside the frame."""
    reach = KERNEL_PX // 2
    left, top, width, height = cv2.boundingRect(mask)
    right, bottom = min(left + width + reach, mask.shape[1]), min(top + height + reach, mask.shape[0])
    left, top = max(left - reach, 0), max(top - reach, 0)
    return left, top, right - left, bottom - top


def prepare(photo_rgb: NDArray[np.uint8], spec: SegmenterContract, landmarker: FaceLandmarker) -> Prepared:
    """Prepare the largest face of a photograph for one segmenter.

    Args:
        photo_rgb: (H, W, 3) uint8 RGB, upright.
        spec: The segmenter.
        landmarker: Finds the face.

    Raises:
        NoFaceError: No face was found.
    """
    height_px, width_px = photo_rgb.shape[:2]
    return _prepared(ReducedPixels(photo_rgb, 1, width_px, height_px), landmarker.find(photo_rgb), spec)


def prepare_encoded(
    encoded: bytes | memoryview,
    spec: SegmenterContract,
    landmarker: FaceLandmarker,
    limits: DecodeLimits | None = None,
) -> Prepared:
    """Prepare the largest face of an encoded photograph for one segmenter: what every way of serving calls.

    A large JPEG is first decoded at the reduction at which a portrait's face still fills the segmenter's frame. Where
    the face found is smaller, the photograph is decoded again with as many pixels as that face needs; where none is
    found, or one that needs all pixels, all of it is decoded and searched.

    Args:
        encoded: The file, see ``decode_image``.
        spec: The segmenter.
        landmarker: Finds the face.
        limits: Bounds on file and pixels.

    Raises:
        InvalidImageError: The bytes cannot be read; see ``decode_image`` for its kinds.
        ImageTooLargeError: Over a limit.
        NoFaceError: No face was found.
    """
    photo = Photograph(encoded, limits)
    prepared = _prepared_reduced(photo, spec, landmarker)
    if prepared is not None:
        return prepared
    photo_rgb = photo.rgb()
    del photo  # holds the pixels a second time where Pillow decoded them
    return prepare(photo_rgb, spec, landmarker)


def _prepared_reduced(photo: Photograph, spec: SegmenterContract, landmarker: FaceLandmarker) -> Prepared | None:
    """Prepare the face from a reduction of the photograph; None where all of its pixels are needed."""
    pixels = _reduced_to(spec.input_px, _PORTRAIT_SHARE * photo.shorter_side_px, photo)
    mesh = None if pixels is None else landmarker.find_large(pixels.rgb, pixels.reduction)
    if pixels is None or mesh is None:
        return None
    frame_px = spec.input_px / float(np.hypot(*ffhq_alignment(mesh.landmarks_xyz[:, :2], spec.input_px)[:, 0]))
    if frame_px < pixels.reduction * spec.input_px:
        pixels = _reduced_to(spec.input_px, frame_px, photo)
    return None if pixels is None else _prepared(pixels, mesh, spec)


def _reduced_to(input_px: int, frame_px: float, photo: Photograph) -> ReducedPixels | None:
    """Return the fewest pixels in which a frame of ``frame_px`` photograph pixels still has ``input_px``, if fewer."""
    reduction = next((each for each in _REDUCTIONS if frame_px >= each * input_px), None)
    return None if reduction is None else photo.reduced(reduction)


def _prepared(pixels: ReducedPixels, mesh: FaceMesh, spec: SegmenterContract) -> Prepared:
    """Prepare the face ``mesh``, which is in photograph pixels."""
    landmarks_xy = np.ascontiguousarray(mesh.landmarks_xyz[:, :2])
    side = spec.input_px
    to_aligned = ffhq_alignment(landmarks_xy, side)
    mask = face_mask(transform_points(landmarks_xy, to_aligned), side, side, spec.mask_rule)
    aligned_rgb = warp_to_aligned(pixels.rgb, to_aligned @ pixels.to_photo, side, needed=_with_texture_reach(mask))
    return Prepared(
        network_input=network_input(aligned_rgb, mask, spec)[np.newaxis],
        geometry=Geometry(
            segmenter=spec,
            image_width_px=pixels.width_px,
            image_height_px=pixels.height_px,
            photo_to_aligned=to_aligned,
            quality=capture_quality(mesh, (pixels.width_px, pixels.height_px), aligned_rgb, mask),
            landmarks_xy=landmarks_xy,
        ),
    )
