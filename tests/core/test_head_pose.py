"""Angles of the head, on the canonical face turned by known angles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from wrinkle_core.head_pose import head_pose
from wrinkle_core.landmarks import FaceLandmarker


def _frontal_mesh() -> NDArray[np.float64]:
    """Return a left-right symmetric head that looks straight ahead: only the points that the pose uses matter."""
    sides = {  # one point of each pair, x to the subject's left, y up, z towards the camera
        297: (3.52, 8.01, 3.73), 284: (6.28, 6.62, 1.43), 356: (7.74, 2.36, -2.01), 362: (1.86, 2.59, 3.76),
        263: (4.45, 2.66, 3.17), 454: (7.66, 0.67, -2.44),
    }  # fmt: skip
    mirrored = {297: 67, 284: 54, 356: 127, 362: 133, 263: 33, 454: 234}
    middle = {10: (0, 8.26, 4.48), 151: (0, 6.55, 5.03), 168: (0, 3.27, 5.24), 6: (0, 2.47, 5.79), 1: (0, -1.13, 7.48)}
    mesh = np.zeros((468, 3))
    for index, point in {**sides, **middle}.items():
        mesh[index] = point
    for index, twin in mirrored.items():
        mesh[twin] = mesh[index] * (-1, 1, 1)
    return mesh * (1, -1, -1)


def _turned(yaw_deg: float, pitch_deg: float, roll_deg: float) -> NDArray[np.float32]:
    """Turn the head: pitch about its x axis, then yaw about y, then roll in the picture (x right, y down, z away)."""
    yaw, pitch, roll = np.radians([yaw_deg, pitch_deg, roll_deg])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
    about_y = np.array([[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]])
    about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    turn = about_z @ about_y @ about_x
    return np.asarray(37.0 * _frontal_mesh() @ turn.T + (300, 200, 0), np.float32)


@given(yaw=st.floats(-80, 80), pitch=st.floats(-60, 60), roll=st.floats(-170, 170))
def test_known_angles_come_back_at_any_scale_and_place(yaw: float, pitch: float, roll: float) -> None:
    pose = head_pose(_turned(yaw, pitch, roll))
    assert (pose.yaw_deg, pose.pitch_deg, pose.roll_deg) == pytest.approx((yaw, pitch, roll), abs=0.1)


def test_a_nose_to_the_right_of_the_picture_is_a_turn_to_the_subjects_left() -> None:
    mesh = _turned(30, 0, 0)
    assert mesh[1, 0] > mesh[[33, 263], 0].mean()
    assert head_pose(mesh).yaw_deg > 25


def test_a_raised_nose_looks_up() -> None:
    assert _turned(0, 30, 0)[1, 1] < _turned(0, 0, 0)[1, 1]
    assert head_pose(_turned(0, 30, 0)).pitch_deg > 25


def test_mirroring_a_photograph_turns_yaw_and_roll_round(
    face_landmarker: FaceLandmarker, astronaut_rgb: NDArray[np.uint8]
) -> None:
    mirrored_rgb = np.ascontiguousarray(astronaut_rgb[:, ::-1])
    pose = head_pose(face_landmarker.find(astronaut_rgb).landmarks_xyz)
    mirrored = head_pose(face_landmarker.find(mirrored_rgb).landmarks_xyz)
    assert mirrored.yaw_deg == pytest.approx(-pose.yaw_deg, abs=3)
    assert mirrored.roll_deg == pytest.approx(-pose.roll_deg, abs=3)
    assert mirrored.pitch_deg == pytest.approx(pose.pitch_deg, abs=3)


def test_turning_the_photograph_changes_roll_alone(
    face_landmarker: FaceLandmarker, astronaut_rgb: NDArray[np.uint8]
) -> None:
    pose = head_pose(face_landmarker.find(astronaut_rgb).landmarks_xyz)
    turned = head_pose(face_landmarker.find(np.ascontiguousarray(np.rot90(astronaut_rgb, -1))).landmarks_xyz)
    assert turned.roll_deg - pose.roll_deg == pytest.approx(90, abs=4)
    assert turned.yaw_deg == pytest.approx(pose.yaw_deg, abs=5)
    assert turned.pitch_deg == pytest.approx(pose.pitch_deg, abs=5)
