from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from wrinkle_client import NoFaceError
from wrinkle_client.before_after.alignment import closest_similarity
from wrinkle_core.alignment import transform_points


@given(
    turn_deg=st.floats(-180, 180), scale=st.floats(0.1, 10), shift=st.tuples(st.floats(-500, 500), st.floats(-500, 500))
)
def test_a_similarity_is_found_again(turn_deg: float, scale: float, shift: tuple[float, float]) -> None:
    turn = np.radians(turn_deg)
    matrix = np.array(
        [
            [scale * np.cos(turn), -scale * np.sin(turn), shift[0]],
            [scale * np.sin(turn), scale * np.cos(turn), shift[1]],
        ]
    )
    points_xy = np.random.default_rng(0).uniform(0, 400, (468, 2)).astype(np.float32)
    found = closest_similarity(points_xy, transform_points(points_xy, matrix))
    np.testing.assert_allclose(found, matrix, rtol=1e-4, atol=0.02)


def test_a_mirrored_face_is_not_mirrored_back(astronaut_landmarks_xy: NDArray[np.float32]) -> None:
    mirrored_xy = astronaut_landmarks_xy * np.array([-1, 1], np.float32)
    matrix = closest_similarity(astronaut_landmarks_xy, mirrored_xy)
    assert np.linalg.det(matrix[:, :2]) > 0
    left = np.linalg.norm(transform_points(astronaut_landmarks_xy, matrix) - mirrored_xy, axis=1)
    assert np.median(left) > 5


def test_points_on_one_place_are_no_face() -> None:
    points_xy = np.full((468, 2), 7, np.float32)
    with pytest.raises(NoFaceError):
        closest_similarity(points_xy, points_xy)
