from __future__ import annotations

from itertools import chain

import pytest

from wrinkle_core.errors import InvalidParameterError
from wrinkle_train.data.sample_order import SampleKey, SampleOrder


def test_each_round_sees_every_picture_once_in_another_order() -> None:
    keys = list(chain.from_iterable(SampleOrder(10, 5, seed=1, steps=4)))
    first, second = keys[:10], keys[10:]
    assert sorted(key.photo for key in first) == sorted(key.photo for key in second) == list(range(10))
    assert [key.photo for key in first] != [key.photo for key in second]
    assert {key.epoch for key in second} == {1}


def test_a_resumed_order_goes_on_where_it_stopped() -> None:
    whole = list(SampleOrder(7, 3, seed=2, steps=9))
    rest = SampleOrder(7, 3, seed=2, steps=9, first_step=5)
    assert list(rest) == whole[5:]
    assert len(rest) == 4


def test_two_processes_share_what_one_would_take() -> None:
    one = list(SampleOrder(11, 4, seed=3, steps=6))
    halves = [list(SampleOrder(11, 2, seed=3, steps=6, rank=rank, world=2)) for rank in (0, 1)]
    assert [first + second for first, second in zip(*halves, strict=True)] == one


def test_without_shuffling_the_order_is_the_data_sets() -> None:
    assert SampleOrder(3, 2, seed=0, steps=2, shuffle=False).batch(1) == [SampleKey(0, 2), SampleKey(1, 0)]


def test_steps_of_a_round_count_the_cut_batch() -> None:
    assert SampleOrder.steps_per_epoch(10, 4) == 3
    assert SampleOrder.steps_per_epoch(10, 2, world=2) == 3


def test_an_empty_data_set_has_no_order() -> None:
    with pytest.raises(InvalidParameterError, match="from 0 pictures"):
        SampleOrder(0, 2, seed=0, steps=2)
