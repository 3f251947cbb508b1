"""BlazeFace: where the faces are, with six key points each.

Two networks share the code: *short range* (128 px input, faces of a selfie) and *full range, sparse* (192 px input,
smaller faces). Each predicts boxes relative to fixed anchors; overlapping boxes are averaged, weighted by score.

Source: MediaPipe 0.10.21, ``face_detection_short_range.pbtxt``, ``face_detection_full_range.pbtxt``,
``ssd_anchors_calculator.cc``, ``tensors_to_detections_calculator.cc``, ``non_max_suppression_calculator.cc``;
Bazarevsky et al., arXiv:1907.05047.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wrinkle_core.face_networks import FaceNetwork
from wrinkle_core.square_crop import Square, crop_square

__all__ = [
    "FULL_RANGE",
    "SHORT_RANGE",
    "AnchorLayout",
    "Detections",
    "FaceDetector",
    "anchor_centers",
    "decode_boxes",
    "merge",
    "weighted_nms",
]

MIN_SCORE: Final = 0.5
MIN_OVERLAP: Final = 0.3  # boxes that overlap more (intersection over union) are one face
_RAW_SCORE_LIMIT: Final = 100.0
_KEY_POINTS: Final = 6


@dataclass(frozen=True, slots=True)
class AnchorLayout:
    """Anchor grids of one detector.

    Attributes:
        input_px: Side of the network input, also the unit of its box predictions.
        grids: (stride in pixels, anchors per cell) in the order of the network's rows.
    """

    input_px: int
    grids: tuple[tuple[int, int], ...]


SHORT_RANGE: Final = AnchorLayout(128, ((8, 2), (16, 6)))  # 16 x 16 x 2 + 8 x 8 x 6 = 896
FULL_RANGE: Final = AnchorLayout(192, ((4, 1),))  # 48 x 48 = 2304


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Faces found, best score first.

    Attributes:
        boxes_xyxy: (N, 4) float32.
        key_points_xy: (N, 6, 2) float32: right eye, left eye (the subject's), nose tip, mouth, right ear, left ear.
        scores: (N,) float32 in [0, 1].
    """

    boxes_xyxy: NDArray[np.float32]
    key_points_xy: NDArray[np.float32]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.scores)


def anchor_centers(layout: AnchorLayout) -> NDArray[np.float32]:
    """Return the (rows, 2) anchor centres in input pixels; every anchor is one input wide and high."""
    parts = []
    for stride, per_cell in layout.grids:
        cells = (np.arange(layout.input_px // stride, dtype=np.float32) + 0.5) * stride
        grid_x, grid_y = np.meshgrid(cells, cells)
        parts.append(np.repeat(np.stack([grid_x, grid_y], -1).reshape(-1, 2), per_cell, axis=0))
    return np.concatenate(parts)


def decode_boxes(
    raw_boxes: NDArray[np.float32],
    raw_scores: NDArray[np.float32],
    anchors_xy: NDArray[np.float32],
    *,
    min_score: float = MIN_SCORE,
) -> Detections:
    """Turn network rows into detections in input pixels, before suppression.

    Args:
        raw_boxes: (rows, 16): centre x, y, width, height, then six key points, offsets in input pixels.
        raw_scores: (rows, 1) logits.
        anchors_xy: (rows, 2) from ``anchor_centers``.
        min_score: Lowest score kept.
    """
    logits = np.clip(raw_scores[:, 0].astype(np.float64), -_RAW_SCORE_LIMIT, _RAW_SCORE_LIMIT)
    scores = (1.0 / (1.0 + np.exp(-logits))).astype(np.float32)
    kept = np.flatnonzero(scores >= min_score)
    kept = kept[np.argsort(-scores[kept], kind="stable")]
    rows, anchors = raw_boxes[kept], anchors_xy[kept]
    centers, half_sizes = rows[:, :2] + anchors, rows[:, 2:4] / 2.0
    key_points = rows[:, 4 : 4 + 2 * _KEY_POINTS].reshape(-1, _KEY_POINTS, 2) + anchors[:, None]
    boxes = np.concatenate([centers - half_sizes, centers + half_sizes], axis=1)
    sound = (half_sizes > 0).all(axis=1)
    return Detections(boxes[sound], key_points[sound], scores[kept][sound])


def weighted_nms(found: Detections, *, min_overlap: float = MIN_OVERLAP) -> Detections:
    """Merge boxes that overlap by more than ``min_overlap`` into their score-weighted mean, with the best score."""
    boxes, key_points, scores = [], [], []
    left = np.arange(len(found))
    while left.size:
        same = _overlaps(found.boxes_xyxy[left[0]], found.boxes_xyxy[left]) > min_overlap
        same[0] = True
        group = left[same]
        weights = found.scores[group] / found.scores[group].sum()
        boxes.append(weights @ found.boxes_xyxy[group])
        key_points.append(np.tensordot(weights, found.key_points_xy[group], axes=1))
        scores.append(found.scores[left[0]])
        left = left[~same]
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(key_points, np.float32).reshape(-1, _KEY_POINTS, 2),
        np.array(scores, np.float32),
    )


def merge(parts: Sequence[Detections]) -> Detections:
    """Return the faces of several looks at one photograph, each once."""
    boxes = np.concatenate([part.boxes_xyxy for part in parts])
    key_points = np.concatenate([part.key_points_xy for part in parts])
    scores = np.concatenate([part.scores for part in parts])
    order = np.argsort(-scores, kind="stable")
    return weighted_nms(Detections(boxes[order], key_points[order], scores[order]))


def _overlaps(box: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the intersection over union of one box with each of (N, 4) boxes."""
    low = np.maximum(box[:2], boxes[:, :2])
    high = np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.maximum(high - low, 0.0), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    union = np.prod(box[2:] - box[:2]) + areas - shared
    return np.asarray(shared / union, np.float32)


class FaceDetector:
    """One BlazeFace network; for use by one thread at a time."""

    def __init__(self, model_path: Path, layout: AnchorLayout, *, threads: int) -> None:
        self._network = FaceNetwork(model_path, pixel_mean=127.5, pixel_scale=127.5, threads=threads)  # [-1, 1]
        self._layout = layout
        self._anchors = anchor_centers(layout)

    def look(self, photo_rgb: NDArray[np.uint8], square: Square, reduction: int = 1) -> Detections:
        """Return the faces inside ``square``, in photograph pixels; ``reduction`` is that of ``crop_square``.

        Boxes keep their size and centre when the square is turned; key points turn with it.
        """
        crop = crop_square(photo_rgb, square, self._layout.input_px, replicate_border=False, reduction=reduction)
        raw_boxes, raw_scores = self._network(crop)
        found = weighted_nms(decode_boxes(raw_boxes, raw_scores, self._anchors))
        matrix = square.to_photo(self._layout.input_px)
        scale = square.side_px / self._layout.input_px
        centers = _apply(matrix, (found.boxes_xyxy[:, :2] + found.boxes_xyxy[:, 2:]) / 2.0)
        half_sizes = (found.boxes_xyxy[:, 2:] - found.boxes_xyxy[:, :2]) * (scale / 2.0)
        boxes = np.concatenate([centers - half_sizes, centers + half_sizes], axis=1)
        key_points = _apply(matrix, found.key_points_xy.reshape(-1, 2)).reshape(-1, _KEY_POINTS, 2)
        return Detections(boxes.astype(np.float32), key_points.astype(np.float32), found.scores)


def _apply(matrix: NDArray[np.float64], points_xy: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(points_xy @ matrix[:, :2].T + matrix[:, 2], np.float64)
