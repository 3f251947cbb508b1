"""Outlines hold the marked pixels and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from matplotlib.path import Path
from numpy.typing import NDArray

from wrinkle_client.result_forms.outlines import outlines
from wrinkle_client.testing import make_result

Mask = NDArray[np.uint8]


def filled(polygons: list[NDArray[np.float32]], shape: tuple[int, int]) -> Mask:
    """Return the pixels whose centres lie inside by the even-odd rule."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    centres = np.column_stack([x.ravel(), y.ravel()])
    crossings = np.zeros(len(centres), np.int64)
    for polygon in polygons:
        crossings += Path(polygon).contains_points(centres)
    return (crossings % 2).reshape(shape).astype(np.uint8)


@settings(max_examples=80, deadline=None)
@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=14), elements=st.integers(0, 1)))
def test_polygons_filled_by_the_even_odd_rule_are_the_mask(mask: Mask) -> None:
    np.testing.assert_array_equal(filled(outlines(mask), (mask.shape[0], mask.shape[1])), mask)


def test_polygons_are_closed_rings_of_points_in_the_photograph_s_pixels() -> None:
    result = make_result()
    polygons = result.contours()
    assert len(polygons) == 3
    for polygon in polygons:
        assert polygon.dtype == np.float32
        assert polygon.shape[1:] == (2,)
        np.testing.assert_array_equal(polygon[0], polygon[-1])
    rows = np.flatnonzero(result.mask.any(axis=1))
    assert polygons[0][:, 1].min() == rows[0] - 0.5


@pytest.mark.parametrize("value", [0, 1])
def test_an_empty_mask_has_no_outline_and_a_full_one_has_one(value: int) -> None:
    assert len(outlines(np.full((5, 7), value, np.uint8))) == value
