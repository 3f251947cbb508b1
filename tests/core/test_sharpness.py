"""Focus of an aligned face, on a photograph made worse on purpose."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from wrinkle_core.alignment import ffhq_alignment, transform_points, warp_to_aligned
from wrinkle_core.contract import MaskRule
from wrinkle_core.decode import decode_image
from wrinkle_core.face_mask import face_mask
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.quality import MIN_SHARPNESS
from wrinkle_core.sharpness import sharpness

Face = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def _aligned(face_landmarker: FaceLandmarker, jpeg: bytes, side_px: int) -> Face:
    photo_rgb = decode_image(jpeg)
    landmarks_xy = face_landmarker.find(photo_rgb).landmarks_xyz[:, :2]
    matrix = ffhq_alignment(landmarks_xy, side_px)
    mask = face_mask(transform_points(landmarks_xy, matrix), side_px, side_px, MaskRule.SKIN)
    return warp_to_aligned(photo_rgb, matrix, side_px), mask


@pytest.fixture(scope="module")
def face(face_landmarker: FaceLandmarker, grace_hopper_jpeg: bytes) -> Face:
    return _aligned(face_landmarker, grace_hopper_jpeg, 512)


def _shaken(picture: NDArray[np.uint8], kernel: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.asarray(cv2.filter2D(picture, -1, kernel), np.uint8)


def test_a_face_in_focus_is_above_the_limit(face: Face) -> None:
    assert sharpness(*face) > MIN_SHARPNESS + 0.1


@pytest.mark.parametrize("sigma_px", [2, 3, 5])
def test_a_blurred_face_is_below_the_limit(face: Face, sigma_px: float) -> None:
    assert sharpness(np.asarray(cv2.GaussianBlur(face[0], (0, 0), sigma_px), np.uint8), face[1]) < MIN_SHARPNESS


@pytest.mark.parametrize("along_rows", [True, False])
def test_a_shaken_face_is_below_the_limit(face: Face, along_rows: bool) -> None:
    kernel = np.full((1, 9) if along_rows else (9, 1), 1 / 9, np.float32)
    assert sharpness(_shaken(face[0], kernel), face[1]) < MIN_SHARPNESS


def test_more_blur_is_less_sharp(face: Face) -> None:
    figures = [sharpness(np.asarray(cv2.GaussianBlur(face[0], (0, 0), s), np.uint8), face[1]) for s in (0.5, 1, 2, 4)]
    assert figures == sorted(figures, reverse=True)


def test_darkness_is_no_blur(face: Face) -> None:
    dark = np.asarray(face[0] * 0.4, np.uint8)
    assert sharpness(dark, face[1]) == pytest.approx(sharpness(*face), abs=0.05)


def test_noise_does_not_make_a_blurred_face_sharp(face: Face) -> None:
    blurred = cv2.GaussianBlur(face[0], (0, 0), 3)
    noise = np.random.default_rng(0).normal(0, 3, blurred.shape)
    assert sharpness(np.clip(blurred + noise, 0, 255).astype(np.uint8), face[1]) < MIN_SHARPNESS


def test_both_network_sizes_give_the_same_figure(
    face: Face, face_landmarker: FaceLandmarker, grace_hopper_jpeg: bytes
) -> None:
    larger = _aligned(face_landmarker, grace_hopper_jpeg, 1024)
    assert sharpness(*larger) == pytest.approx(sharpness(*face), abs=0.03)


def test_a_flat_picture_has_no_sharpness(face: Face) -> None:
    assert sharpness(np.full_like(face[0], 90), face[1]) == 0.0


@pytest.mark.parametrize("mask_px", [0, 1, 5])
def test_a_mask_without_room_gives_no_sharpness(face: Face, mask_px: int) -> None:
    mask = np.zeros_like(face[1])
    mask[:mask_px, :mask_px] = 1
    assert sharpness(face[0], mask) == 0.0
