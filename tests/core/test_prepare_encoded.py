"""An encoded photograph becomes a network's input: all pixels of a small one, fewer of a large portrait."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from wrinkle_core.alignment import transform_points
from wrinkle_core.contract import segmenter
from wrinkle_core.decode import decode_image
from wrinkle_core.errors import NoFaceError, TruncatedImageError
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.preprocess import Prepared, prepare, prepare_encoded

UNETPP = segmenter("unetpp")  # a face's frame of 512 px: portraits from 1463 px are reduced
LARGE_PX = 1600


def jpeg(rgb: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


@pytest.fixture(scope="module")
def portrait(astronaut_rgb: NDArray[np.uint8]) -> bytes:
    face_rgb = np.ascontiguousarray(astronaut_rgb[:240, 100:340])
    return jpeg(np.asarray(cv2.resize(face_rgb, (LARGE_PX, LARGE_PX), interpolation=cv2.INTER_CUBIC), np.uint8))


def in_full(data: bytes, landmarker: FaceLandmarker) -> Prepared:
    return prepare(decode_image(data), UNETPP, landmarker)


@pytest.mark.parametrize("side_px", [LARGE_PX, 3000], ids=["a portrait", "a smaller face, decoded twice"])
def test_a_large_face_is_the_same_from_fewer_pixels(
    portrait: bytes, side_px: int, face_landmarker: FaceLandmarker
) -> None:
    photo_rgb = np.full((side_px, side_px, 3), 90, np.uint8)
    photo_rgb[:LARGE_PX, :LARGE_PX] = decode_image(portrait)
    photo = jpeg(photo_rgb)
    full, reduced = in_full(photo, face_landmarker), prepare_encoded(photo, UNETPP, face_landmarker)
    matrix = full.geometry.photo_to_aligned
    shift_px = transform_points(reduced.geometry.landmarks_xy, matrix) - transform_points(
        full.geometry.landmarks_xy, matrix
    )

    assert (reduced.geometry.image_width_px, reduced.geometry.image_height_px) == (side_px, side_px)
    assert np.abs(shift_px.mean(axis=0)).max() < 0.2
    assert np.hypot(*shift_px.T).mean() < 0.5
    assert 0 < cv2.absdiff(full.network_input, reduced.network_input).mean() < 1.0
    assert reduced.geometry.quality.face_height_px == pytest.approx(full.geometry.quality.face_height_px, rel=0.01)
    assert reduced.geometry.quality.sharpness == pytest.approx(full.geometry.quality.sharpness, abs=0.03)


def test_a_small_photograph_is_decoded_in_full(grace_hopper_jpeg: bytes, face_landmarker: FaceLandmarker) -> None:
    prepared = prepare_encoded(grace_hopper_jpeg, UNETPP, face_landmarker)
    full = in_full(grace_hopper_jpeg, face_landmarker)
    assert_array_equal(prepared.network_input, full.network_input)
    assert prepared.geometry == full.geometry


def test_a_small_face_in_a_large_photograph_is_decoded_in_full(
    astronaut_rgb: NDArray[np.uint8], face_landmarker: FaceLandmarker
) -> None:
    wide = jpeg(np.asarray(cv2.resize(astronaut_rgb, (LARGE_PX, LARGE_PX), interpolation=cv2.INTER_CUBIC), np.uint8))
    full = in_full(wide, face_landmarker)
    assert_array_equal(prepare_encoded(wide, UNETPP, face_landmarker).network_input, full.network_input)


def test_a_large_photograph_without_a_face_or_without_its_end_is_refused_by_its_own_error(
    portrait: bytes, face_landmarker: FaceLandmarker
) -> None:
    with pytest.raises(NoFaceError):
        prepare_encoded(jpeg(np.full((LARGE_PX, LARGE_PX, 3), 127, np.uint8)), UNETPP, face_landmarker)
    with pytest.raises(TruncatedImageError):
        prepare_encoded(portrait[: len(portrait) // 2], UNETPP, face_landmarker)
