"""What sets each filter apart from the others."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.filters

from line_pictures import line_picture
from wrinkle_train.comparison.frame import face_frame
from wrinkle_train.comparison.gabor_batool import ORIENTATIONS, gabor_batool, gabor_response
from wrinkle_train.comparison.hessian import curvature, line_angle
from wrinkle_train.comparison.hybrid_hessian import hybrid_hessian, hybrid_response
from wrinkle_train.comparison.line_tracking import line_tracking, track_votes
from wrinkle_train.comparison.multiscale import fine_and_coarse
from wrinkle_train.comparison.pieces import large_pieces, long_skeleton, widened


@pytest.mark.parametrize("number", range(0, ORIENTATIONS, 2))
def test_the_gabor_bank_names_the_orientation_of_a_line(number: int) -> None:
    picture = line_picture(180 * number / ORIENTATIONS)
    _, orientation = gabor_response(face_frame(picture.rgb, picture.skin))
    middle = (picture.distance_px < 0.6) & (picture.skin > 0)
    assert np.median(orientation[middle]) == number


def test_the_gabor_response_of_a_line_is_in_grey_levels() -> None:
    picture = line_picture(30, depth=40, sigma_px=3)
    response, _ = gabor_response(face_frame(picture.rgb, picture.skin))
    assert 15 < response.max() < 45


def test_the_gabor_system_bridges_a_short_gap() -> None:
    picture = line_picture(30, gap_px=6)
    mask = gabor_batool(picture.rgb, picture.skin, threshold=97).mask
    gap = (picture.distance_px < 0.8) & (np.hypot(*(np.indices(mask.shape) - 255.5)) < 3)
    assert mask[gap].all()


def test_curvature_and_angle_fit_a_known_paraboloid() -> None:
    y, x = np.indices((41, 41)) - 20.0
    angle = np.deg2rad(30)
    across = y * np.cos(angle) - x * np.sin(angle)
    plane = (0.5 * 4 * across**2).astype(np.float32)  # second derivative 4 across, 0 along
    found = curvature(plane, 2.0)
    assert found.large[20, 20] == pytest.approx(4 * 2.0**2, rel=1e-3)
    assert found.small[20, 20] == pytest.approx(0, abs=1e-2)
    assert line_angle(plane, 2.0)[20, 20] == pytest.approx(angle, abs=1e-3)


def test_the_hybrid_hessian_is_silent_in_the_middle_of_a_line_and_answers_on_its_upper_flank() -> None:
    picture = line_picture(0, sigma_px=3)
    response = hybrid_response(face_frame(picture.rgb, picture.skin), (3.0,), both_axes=False)
    profile = response[:, 256]
    strongest = int(profile.argmax())
    assert 1 <= 256 - strongest <= 7
    assert profile[255:257].max() < 0.3 * profile[strongest]
    assert profile[257:].max() < 0.3 * profile[strongest]


def test_one_axis_misses_an_upright_line_and_both_axes_find_it() -> None:
    picture = line_picture(90)
    assert not hybrid_hessian(picture.rgb, picture.skin, threshold=0.5, both_axes=False).mask[180:330].any()
    assert hybrid_hessian(picture.rgb, picture.skin, threshold=0.5, both_axes=True).mask[180:330].any()


def test_plain_skin_answers_0_where_scikit_image_writes_1() -> None:
    picture = line_picture(0, depth=0, side_px=128)
    frame = face_frame(picture.rgb, picture.skin)
    theirs = np.asarray(skimage.filters.hessian(frame.grey, sigmas=(1, 3), mode="reflect"))  # type: ignore[no-untyped-call]
    assert (theirs == 1).mean() > 0.3
    assert hybrid_response(frame, (1.0, 3.0), both_axes=True).max() < 0.01


def test_regions_under_the_area_step_are_dropped() -> None:
    short, long = line_picture(0, length_px=20), line_picture(0, length_px=180)
    assert not hybrid_hessian(short.rgb, short.skin, threshold=0.5).mask.any()
    assert hybrid_hessian(long.rgb, long.skin, threshold=0.5).mask.sum() >= 250


def test_line_tracking_recovers_a_hidden_link() -> None:
    picture = line_picture(0, gap_px=8)
    mask = line_tracking(picture.rgb, picture.skin, threshold=0.03).mask
    assert mask[253:259, 252:260].any(axis=0).all()


def test_line_tracking_does_not_cross_a_gap_longer_than_its_patience() -> None:
    picture = line_picture(0, gap_px=60)
    assert not line_tracking(picture.rgb, picture.skin, threshold=0.03).mask[:, 250:262].any()


def test_more_tracks_pass_through_a_line_than_beside_it() -> None:
    picture = line_picture(60)
    votes = track_votes(face_frame(picture.rgb, picture.skin), 0.03)
    assert votes[picture.distance_px < 1].mean() > 20 * votes[picture.distance_px > 5].mean()


def test_the_multi_scale_annotator_tells_a_fine_line_from_a_coarse_one() -> None:
    thin, wide = line_picture(0, sigma_px=0.8, depth=45), line_picture(0, sigma_px=7, depth=60)
    of_thin = fine_and_coarse(thin.rgb, thin.skin, threshold=0.2)
    of_wide = fine_and_coarse(wide.rgb, wide.skin, threshold=0.2)
    assert of_thin.fine.any()
    assert of_wide.coarse.any()
    assert not of_wide.fine.any()


def test_pieces_are_kept_by_area_and_by_shape() -> None:
    mask = np.zeros((100, 100), np.uint8)
    mask[10:13, 10:60] = 1
    mask[50:80, 50:80] = 1
    mask[90:93, 10:14] = 1
    assert large_pieces(mask, 100).sum() == 150 + 900
    thin = long_skeleton(mask, 15, 3)
    assert thin[11, 15:55].all()
    assert not thin[40:].any()
    assert widened(thin, 3.0)[10:13, 20:50].all()
    assert np.array_equal(widened(thin, 1.0), thin)
