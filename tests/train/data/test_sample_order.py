from __future__ import annotations

import pytest

from wrinkle_core.errors import InvalidParameterError
from wrinkle_train.data.sample_order import SampleKey, SampleOrder


def _keys(order: SampleOrder, batches: range) -> list[SampleKey]:
    return [key for number in batches for key in order.batch(number)]


def test_each_round_sees_every_picture_once_in_another_order() -> None:
    keys = _keys(SampleOrder(10, 4, seed=1), range(5))
    first, second = keys[:10], keys[10:]
    assert sorted(key.photo for key in first) == sorted(key.photo for key in second) == list(range(10))
    assert [key.photo for key in first] != [key.photo for key in second]
    assert {key.epoch for key in second} == {1}


def test_a_batch_is_decided_by_its_number_whatever_was_asked_before() -> None:
    whole = _keys(SampleOrder(7, 3, seed=2), range(9))
    assert _keys(SampleOrder(7, 3, seed=2), range(5, 9)) == whole[15:]
    assert _keys(SampleOrder(7, 3, seed=3), range(9)) != whole


def test_an_empty_data_set_has_no_order() -> None:
    with pytest.raises(InvalidParameterError, match="from 0 pictures"):
        SampleOrder(0, 2, seed=0)
