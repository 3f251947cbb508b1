"""Results are compared by what they say of a photograph."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from wrinkle_client import SegmentationResult, Timings
from wrinkle_client.testing import make_result

WHOLE: dict[str, Any] = {"probability": True, "skin_mask": True, "geometry": True}


def other_pixel(array: Any) -> Any:
    changed = array.copy()
    changed[0, 0] = 1 - changed[0, 0]
    return changed


def test_the_same_answer_again_is_equal_and_hashes_alike() -> None:
    first, again = make_result(**WHOLE), make_result(**WHOLE, request_id="another")
    again = replace(again, timings=Timings(9.0, 8.0, 1.0, 3), photo=None)
    assert first == again
    assert hash(first) == hash(again)
    assert len({first, again}) == 1


def test_a_pickle_is_equal_to_its_original() -> None:
    result = make_result(**WHOLE)
    copy = pickle.loads(pickle.dumps(result))
    assert copy == result
    assert copy.photo is None
    assert not copy.skin_mask.flags.writeable


@pytest.mark.parametrize(
    "change",
    [
        lambda result: replace(result, mask=other_pixel(result.mask)),
        lambda result: replace(result, probability=other_pixel(result.probability)),
        lambda result: replace(result, probability=None),
        lambda result: replace(result, skin_mask=other_pixel(result.skin_mask)),
        lambda result: replace(result, skin_mask=None),
        lambda result: replace(result, geometry=None),
        lambda result: replace(
            result, geometry=replace(result.geometry, landmarks_xy=result.geometry.landmarks_xy + np.float32(1))
        ),
        lambda result: replace(result, report=replace(result.report, threshold=0.25)),
        lambda result: replace(result, model_version="2"),
    ],
)
def test_any_difference_in_what_is_said_makes_results_differ(
    change: Callable[[SegmentationResult], SegmentationResult],
) -> None:
    result = make_result(**WHOLE)
    assert change(result) != result
    assert result != change(result)


def test_a_result_is_no_other_thing() -> None:
    assert make_result() != "mask"
