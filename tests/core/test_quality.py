"""Capture quality: figures from a real photograph, and a named warning beyond each limit."""

from __future__ import annotations

from dataclasses import astuple, replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from wrinkle_core.alignment import ffhq_alignment, transform_points, warp_to_aligned
from wrinkle_core.contract import MaskRule
from wrinkle_core.face_mask import face_mask
from wrinkle_core.geometry import CaptureQuality
from wrinkle_core.landmarks import FaceLandmarker, FaceMesh
from wrinkle_core.quality import capture_quality, quality_warnings

GOOD = CaptureQuality(
    face_height_px=500,
    yaw_deg=0,
    pitch_deg=0,
    roll_deg=0,
    sharpness=0.6,
    exposure=0.5,
    clipped_fraction=0,
    outside_frame_fraction=0,
    detection_score=1,
    faces=1,
)


def _measure(photo_rgb: NDArray[np.uint8], mesh: FaceMesh, side_px: int = 512) -> CaptureQuality:
    landmarks_xy = mesh.landmarks_xyz[:, :2]
    matrix = ffhq_alignment(landmarks_xy, side_px)
    mask = face_mask(transform_points(landmarks_xy, matrix), side_px, side_px, MaskRule.SKIN)
    height_px, width_px = photo_rgb.shape[:2]
    return capture_quality(mesh, (width_px, height_px), warp_to_aligned(photo_rgb, matrix, side_px), mask)


def test_a_frontal_portrait_measures_as_a_person_sees_it(hopper_rgb: NDArray[np.uint8], hopper: FaceMesh) -> None:
    quality = _measure(hopper_rgb, hopper)
    assert quality.face_height_px == pytest.approx(201, abs=10)
    assert abs(quality.yaw_deg) < 8
    assert abs(quality.pitch_deg) < 15
    assert abs(quality.roll_deg) < 8
    assert 0.4 < quality.exposure < 0.7
    assert quality.clipped_fraction < 0.01
    assert quality.outside_frame_fraction == 0
    assert quality.detection_score > 0.9
    assert quality.faces == 1


def test_a_small_portrait_gets_the_one_warning_it_deserves(hopper_rgb: NDArray[np.uint8], hopper: FaceMesh) -> None:
    assert [warning.code for warning in quality_warnings(_measure(hopper_rgb, hopper))] == ["FACE_TOO_SMALL"]


def test_the_same_portrait_enlarged_gets_no_size_warning(
    face_landmarker: FaceLandmarker, hopper_rgb: NDArray[np.uint8]
) -> None:
    large = np.asarray(cv2.resize(hopper_rgb, None, fx=2.5, fy=2.5, interpolation=cv2.INTER_CUBIC), np.uint8)
    assert quality_warnings(_measure(large, face_landmarker.find(large))) == ()


def test_face_height_does_not_change_when_the_photograph_is_turned(
    face_landmarker: FaceLandmarker, hopper_rgb: NDArray[np.uint8], hopper: FaceMesh
) -> None:
    turned = np.ascontiguousarray(np.rot90(hopper_rgb))
    upright_px = _measure(hopper_rgb, hopper).face_height_px
    assert _measure(turned, face_landmarker.find(turned)).face_height_px == pytest.approx(upright_px, rel=0.03)


def test_a_face_cut_by_the_frame_is_measured_and_warned_of(
    face_landmarker: FaceLandmarker, hopper_rgb: NDArray[np.uint8]
) -> None:
    cut = np.ascontiguousarray(hopper_rgb[:290])
    quality = _measure(cut, face_landmarker.find(cut))
    assert 0.05 < quality.outside_frame_fraction < 0.4
    assert "FACE_OUT_OF_FRAME" in [warning.code for warning in quality_warnings(quality)]


def test_the_part_outside_the_photograph_does_not_count_as_dark(
    hopper_rgb: NDArray[np.uint8], hopper: FaceMesh
) -> None:
    whole = _measure(hopper_rgb, hopper)
    cut = _measure(np.ascontiguousarray(hopper_rgb[:270]), hopper)
    assert cut.outside_frame_fraction > 0.2
    assert cut.exposure == pytest.approx(whole.exposure, abs=0.1)
    assert cut.clipped_fraction < 0.01


def test_a_face_wholly_outside_still_gives_finite_figures(hopper_rgb: NDArray[np.uint8], hopper: FaceMesh) -> None:
    away = FaceMesh(hopper.landmarks_xyz + np.array([5000, 0, 0], np.float32), hopper.score, 1)
    quality = _measure(hopper_rgb, away)
    assert np.isfinite(astuple(quality)).all()
    assert quality.outside_frame_fraction == 1
    assert quality.exposure == 0


def test_exposure_follows_the_light(hopper_rgb: NDArray[np.uint8], hopper: FaceMesh) -> None:
    dark = _measure(np.asarray(hopper_rgb * 0.2, np.uint8), hopper)
    bright = _measure(np.clip(hopper_rgb.astype(int) * 3, 0, 255).astype(np.uint8), hopper)
    assert "UNDEREXPOSED" in [warning.code for warning in quality_warnings(dark)]
    assert "OVEREXPOSED" in [warning.code for warning in quality_warnings(bright)]
    assert bright.clipped_fraction > 0.2


def test_a_good_photograph_gets_no_warning() -> None:
    assert quality_warnings(GOOD) == ()


@pytest.mark.parametrize(
    ("change", "code", "measured"),
    [
        ({"face_height_px": 399.0}, "FACE_TOO_SMALL", "399 px"),
        ({"yaw_deg": -31.0}, "YAW_TOO_LARGE", "31 degrees"),
        ({"pitch_deg": 41.0}, "PITCH_TOO_LARGE", "41 degrees"),
        ({"roll_deg": 90.0}, "ROLL_TOO_LARGE", "90 degrees"),
        ({"sharpness": 0.3}, "BLURRED", "0.30"),
        ({"exposure": 0.1}, "UNDEREXPOSED", "0.10"),
        ({"exposure": 0.3, "clipped_fraction": 0.2}, "UNDEREXPOSED", "20%"),
        ({"exposure": 0.9}, "OVEREXPOSED", "0.90"),
        ({"exposure": 0.7, "clipped_fraction": 0.2}, "OVEREXPOSED", "20%"),
        ({"outside_frame_fraction": 0.25}, "FACE_OUT_OF_FRAME", "25%"),
        ({"faces": 3.0}, "SEVERAL_FACES", "3 faces"),
    ],
)
def test_a_figure_beyond_its_limit_gives_one_named_warning(change: dict[str, float], code: str, measured: str) -> None:
    (warning,) = quality_warnings(replace(GOOD, **change))
    assert warning.code == code
    assert measured in warning.message


@pytest.mark.parametrize("change", [{"face_height_px": 400.0}, {"yaw_deg": 30.0}, {"pitch_deg": -40.0}])
def test_a_figure_at_its_limit_gives_none(change: dict[str, float]) -> None:
    assert quality_warnings(replace(GOOD, **change)) == ()


@given(values=st.tuples(*[st.floats(-1e6, 1e6) for _ in range(10)]))
def test_any_figures_give_warnings_and_never_an_error(values: tuple[float, ...]) -> None:
    codes = [warning.code for warning in quality_warnings(CaptureQuality(*values))]
    assert len(codes) == len(set(codes))
