from __future__ import annotations

import numpy as np
import pytest

from wrinkle_train.metrics import TOLERANCE_PX, score_mask


def _line(column: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    mask = np.zeros((40, 40), np.uint8)
    mask[5:35, column] = 1
    return mask


def test_the_truth_itself_scores_one() -> None:
    scores = score_mask(_line(20), _line(20))
    assert (scores.f1, scores.iou, scores.tolerant_f1) == (1.0, 1.0, 1.0)


def test_a_shift_within_tolerance_is_wrong_strictly_and_right_tolerantly() -> None:
    scores = score_mask(_line(20 + TOLERANCE_PX), _line(20))
    assert scores.f1 == 0.0
    assert scores.tolerant_f1 == 1.0


def test_a_shift_beyond_tolerance_is_wrong() -> None:
    assert score_mask(_line(21 + TOLERANCE_PX), _line(20)).tolerant_f1 == 0.0


def test_nothing_marked_where_nothing_is_scores_one() -> None:
    empty = np.zeros((8, 8), np.uint8)
    assert score_mask(empty, empty).f1 == 1.0


def test_something_marked_where_nothing_is_scores_zero() -> None:
    assert score_mask(_line(3), np.zeros((40, 40), np.uint8)).f1 == 0.0


def test_f1_and_iou_agree_on_one_picture() -> None:
    scores = score_mask(_line(20) | _line(21), _line(20) | _line(22))
    assert scores.f1 == pytest.approx(2 * scores.iou / (1 + scores.iou))
