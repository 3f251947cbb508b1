"""BlazeFace: anchors, decoding and suppression, without a network; then the real one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from wrinkle_core.assets import fetch_assets
from wrinkle_core.face_detection import (
    FULL_RANGE,
    SHORT_RANGE,
    AnchorLayout,
    Detections,
    FaceDetector,
    anchor_centers,
    decode_boxes,
    merge,
    weighted_nms,
)
from wrinkle_core.square_crop import Square, whole_photo


def _detections(boxes: list[tuple[float, float, float, float]], scores: list[float]) -> Detections:
    corners = np.array(boxes, np.float32).reshape(-1, 4)
    key_points = np.repeat(((corners[:, :2] + corners[:, 2:]) / 2)[:, None], 6, axis=1)
    return Detections(corners, key_points, np.array(scores, np.float32))


@pytest.mark.parametrize(("layout", "rows"), [(SHORT_RANGE, 896), (FULL_RANGE, 2304)])
def test_anchors_are_as_many_as_the_networks_rows(layout: AnchorLayout, rows: int) -> None:
    anchors = anchor_centers(layout)
    assert anchors.shape == (rows, 2)
    assert anchors.min() > 0
    assert anchors.max() < layout.input_px


def test_short_range_anchors_come_in_pairs_then_in_sixes() -> None:
    anchors = anchor_centers(SHORT_RANGE)
    assert anchors[:3].tolist() == [[4, 4], [4, 4], [12, 4]]
    assert anchors[512:519].tolist() == [[8, 8]] * 6 + [[24, 8]]


def test_a_box_is_decoded_relative_to_its_anchor() -> None:
    anchors = anchor_centers(SHORT_RANGE)
    raw_boxes = np.zeros((896, 16), np.float32)
    raw_scores = np.full((896, 1), -100.0, np.float32)
    raw_boxes[100, :6] = (3, -2, 20, 10, 5, 6)
    raw_scores[100] = 0.0
    found = decode_boxes(raw_boxes, raw_scores, anchors)
    x, y = anchors[100]
    assert found.scores.tolist() == [0.5]
    assert found.boxes_xyxy[0].tolist() == [x + 3 - 10, y - 2 - 5, x + 3 + 10, y - 2 + 5]
    assert found.key_points_xy[0, 0].tolist() == [x + 5, y + 6]


def test_extreme_logits_are_clipped() -> None:
    raw_boxes = np.ones((896, 16), np.float32)
    raw_scores = np.full((896, 1), -1e30, np.float32)
    raw_scores[0] = 1e30
    assert decode_boxes(raw_boxes, raw_scores, anchor_centers(SHORT_RANGE)).scores.tolist() == [1.0]


def test_a_box_without_area_is_dropped() -> None:
    raw_boxes = np.zeros((896, 16), np.float32)
    raw_scores = np.full((896, 1), 5.0, np.float32)
    assert len(decode_boxes(raw_boxes, raw_scores, anchor_centers(SHORT_RANGE))) == 0


def test_overlapping_boxes_become_their_weighted_mean_with_the_best_score() -> None:
    merged = weighted_nms(_detections([(0, 0, 10, 10), (1, 0, 11, 10)], [0.9, 0.6]))
    assert merged.scores.tolist() == pytest.approx([0.9])
    assert merged.boxes_xyxy[0].tolist() == pytest.approx([0.4, 0, 10.4, 10])


def test_boxes_apart_stay_apart() -> None:
    assert len(weighted_nms(_detections([(0, 0, 10, 10), (20, 0, 30, 10)], [0.9, 0.6]))) == 2


def test_nothing_found_merges_to_nothing() -> None:
    assert len(merge([_detections([], []), _detections([], [])])) == 0


def test_the_same_face_in_two_tiles_is_one_face() -> None:
    merged = merge([_detections([(0, 0, 10, 10)], [0.6]), _detections([(0, 1, 10, 11)], [0.8])])
    assert merged.scores.tolist() == pytest.approx([0.8])


@given(
    boxes=st.lists(
        st.tuples(st.floats(0, 100), st.floats(0, 100), st.floats(1, 60), st.floats(1, 60), st.floats(0.5, 1)),
        max_size=20,
    )
)
def test_suppression_keeps_the_best_box_and_never_adds_one(
    boxes: list[tuple[float, float, float, float, float]],
) -> None:
    boxes.sort(key=lambda box: -box[4])
    found = _detections([(x, y, x + w, y + h) for x, y, w, h, _ in boxes], [box[4] for box in boxes])
    kept = weighted_nms(found)
    assert len(kept) <= len(found)
    assert kept.scores[:1].tolist() == found.scores[:1].tolist()
    assert (kept.scores[:-1] >= kept.scores[1:]).all()


@pytest.mark.parametrize("turn_rad", [0.0, 0.5, -0.5])
def test_a_turned_look_finds_the_same_eyes(astronaut_rgb: NDArray[np.uint8], turn_rad: float) -> None:
    detector = FaceDetector(fetch_assets().short_range, SHORT_RANGE, threads=1)
    upright = detector.look(astronaut_rgb, whole_photo(512, 512))
    turned = detector.look(astronaut_rgb, Square(256, 256, 512, turn_rad))
    assert len(upright) == len(turned) == 1
    eye_distance_px = np.linalg.norm(upright.key_points_xy[0, 1] - upright.key_points_xy[0, 0])
    moved_px = np.linalg.norm(upright.key_points_xy[0, :2] - turned.key_points_xy[0, :2], axis=1)
    assert moved_px.max() < 0.2 * eye_distance_px


def test_both_ranges_agree_on_the_face(astronaut_rgb: NDArray[np.uint8]) -> None:
    assets = fetch_assets()
    short = FaceDetector(assets.short_range, SHORT_RANGE, threads=1).look(astronaut_rgb, whole_photo(512, 512))
    full = FaceDetector(assets.full_range, FULL_RANGE, threads=1).look(astronaut_rgb, whole_photo(512, 512))
    assert np.abs(short.boxes_xyxy[0] - full.boxes_xyxy[0]).max() < 20
