from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from wrinkle_core.errors import ContractError
from wrinkle_train.scores.agreement import agreement, annotator_agreement, majority_vote
from wrinkle_train.scores.pixel_metrics import PixelCounts, PixelScores, count_pixels, pixel_scores, score_set

Mask = NDArray[np.uint8]


def _mask(rows: str) -> Mask:
    return np.array([[int(pixel) for pixel in row] for row in rows.split()], np.uint8)


def _random(seed: int, share: float = 0.3) -> Mask:
    return (np.random.default_rng(seed).random((16, 16)) < share).astype(np.uint8)


def test_pixels_are_counted_by_hand() -> None:
    assert count_pixels(_mask("1100 0010"), _mask("1000 0011")) == PixelCounts(2, 1, 1, 4)


def test_pixels_outside_the_counted_mask_are_left_out() -> None:
    counted = _mask("1111 0000")
    assert count_pixels(_mask("1100 0010"), _mask("1000 0011"), counted) == PixelCounts(1, 1, 0, 2)


def test_scores_are_their_definitions() -> None:
    scores = pixel_scores(PixelCounts(true_positive=6, false_positive=2, false_negative=4, true_negative=88))
    assert scores == PixelScores(
        accuracy=0.94, iou=0.5, sensitivity=0.6, precision=0.75, f1=12 / 18, specificity=88 / 90
    )


def test_empty_against_empty_is_perfect() -> None:
    scores = pixel_scores(PixelCounts(0, 0, 0, 50))
    assert scores == PixelScores(1, 1, 1, 1, 1, 1)


def test_a_mark_where_nothing_is_scores_nothing() -> None:
    scores = pixel_scores(PixelCounts(0, 5, 0, 45))
    assert (scores.iou, scores.f1, scores.sensitivity, scores.precision) == (0, 0, 0, 0)


def test_nothing_marked_where_something_is_scores_nothing() -> None:
    scores = pixel_scores(PixelCounts(0, 0, 5, 45))
    assert (scores.iou, scores.f1, scores.sensitivity, scores.precision, scores.specificity) == (0, 0, 0, 0, 1)


def test_a_set_has_rows_means_deviations_and_pooled_scores() -> None:
    counts = [PixelCounts(1, 1, 0, 98), PixelCounts(30, 10, 10, 50)]
    scores = score_set(["fine", "deep"], counts)
    assert [row.name for row in scores.images] == ["fine", "deep"]
    assert scores.mean.iou == pytest.approx((0.5 + 0.6) / 2)
    assert scores.deviation.iou == pytest.approx(np.std([0.5, 0.6], ddof=1))
    assert scores.pooled.iou == pytest.approx(31 / 52)
    assert scores.pooled == pixel_scores(PixelCounts(31, 11, 10, 148))


def test_one_image_has_no_deviation() -> None:
    assert score_set(["only"], [PixelCounts(1, 1, 1, 1)]).deviation.f1 == 0.0


@given(st.lists(st.tuples(*[st.integers(0, 40)] * 4).filter(any), min_size=1, max_size=6))
def test_the_mean_f1_never_exceeds_what_the_mean_iou_allows(rows: list[tuple[int, int, int, int]]) -> None:
    scores = score_set([str(number) for number in range(len(rows))], [PixelCounts(*row) for row in rows])
    assert scores.mean.f1 <= 2 * scores.mean.iou / (1 + scores.mean.iou) + 1e-9
    assert scores.pooled.f1 == pytest.approx(2 * scores.pooled.iou / (1 + scores.pooled.iou))


def test_masks_of_two_sizes_are_refused() -> None:
    with pytest.raises(ContractError, match=r"\(2, 2\) and \(2, 3\)"):
        count_pixels(_mask("00 00"), _mask("000 000"))


def test_an_empty_counted_mask_is_refused() -> None:
    with pytest.raises(ContractError, match="empty"):
        count_pixels(_mask("01"), _mask("01"), _mask("00"))


@pytest.mark.parametrize("names", [[], ["a", "b"]])
def test_a_set_without_one_name_for_each_image_is_refused(names: list[str]) -> None:
    with pytest.raises(ContractError, match="one name each"):
        score_set(names, [PixelCounts(1, 1, 1, 1)] if names else [])


def test_pearson_on_masks_is_numpys_correlation() -> None:
    one, other = _random(1), _random(2)
    assert agreement(one, other).pearson == pytest.approx(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def test_a_constant_mask_correlates_only_with_itself() -> None:
    empty = np.zeros((16, 16), np.uint8)
    assert agreement(empty, empty).pearson == 1.0
    assert agreement(empty, _random(1)).pearson == 0.0


def test_every_pair_of_annotators_is_averaged_over_the_images() -> None:
    masks = [[_random(10 * annotator + image) for image in range(2)] for annotator in range(3)]
    pairs = annotator_agreement(masks)
    assert [(pair.first, pair.second) for pair in pairs] == [(0, 1), (0, 2), (1, 2)]
    each = [agreement(masks[0][image], masks[2][image]).jsi for image in range(2)]
    assert pairs[1].mean.jsi == pytest.approx(sum(each) / 2)


def test_annotators_of_different_images_are_refused() -> None:
    with pytest.raises(ContractError, match="same images"):
        annotator_agreement([[_random(1)], [_random(1), _random(2)]])


def test_two_votes_of_three_make_a_wrinkle() -> None:
    votes = [_mask("1100"), _mask("1010"), _mask("1001")]
    assert majority_vote(votes).tolist() == [[1, 0, 0, 0]]
    assert majority_vote([_mask("1100"), _mask("1010"), _mask("0111")]).tolist() == [[1, 1, 1, 0]]


@pytest.mark.parametrize("votes", [0, 4])
def test_a_vote_nobody_can_win_or_lose_is_refused(votes: int) -> None:
    with pytest.raises(ContractError, match="needs that many masks"):
        majority_vote([_random(1), _random(2), _random(3)], votes)
