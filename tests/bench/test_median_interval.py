"""How sure a median is, by order statistics."""

from __future__ import annotations

import random

from wrinkle_bench.median_interval import median_interval


def test_few_values_say_no_more_than_their_range() -> None:
    assert median_interval([3.0]) == (3.0, 3.0)
    assert median_interval([5.0, 1.0, 3.0]) == (1.0, 5.0)
    assert median_interval([6.0, 5.0, 4.0, 3.0, 2.0, 1.0]) == (1.0, 6.0)


def test_ranks_are_those_of_the_tables() -> None:
    assert median_interval([float(each) for each in range(1, 11)]) == (2.0, 9.0)
    assert median_interval([float(each) for each in range(1, 21)]) == (6.0, 15.0)


def test_the_true_median_lies_inside_as_often_as_said() -> None:
    chance = random.Random(0)
    hits = 0
    for _ in range(2000):
        least, largest = median_interval([chance.expovariate(1.0) for _ in range(15)])
        hits += least <= 0.6931 <= largest
    assert 0.94 < hits / 2000 < 0.99
