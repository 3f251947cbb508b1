"""A made-up result follows from its picture and nothing else."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from wrinkle_client import InvalidImageError, InvalidParameterError
from wrinkle_client.testing import make_result
from wrinkle_core.report import REGION_NAMES


def test_the_default_result_has_marks_figures_and_a_photograph_to_draw_on() -> None:
    result = make_result()
    assert 0 < result.mask.sum() < result.mask.size / 2
    assert [region.name for region in result.regions] == list(REGION_NAMES)
    assert result.overlay().shape == (96, 96, 3)


def test_dark_pixels_inside_the_ellipse_are_marked() -> None:
    grey = np.full((40, 40), 250, np.uint8)
    grey[20, 5:35] = 10
    grey[0, 0] = 0
    result = make_result(grey, threshold=0.5)
    assert result.mask.sum() == 30
    assert result.mask[20, 5:35].all()
    assert make_result(grey, threshold=0.99).mask.sum() == 0


def test_every_part_comes_when_asked_for_and_fits_the_others() -> None:
    result = make_result(probability=True, skin_mask=True, geometry=True)
    assert result.probability is not None
    assert result.skin_mask is not None
    assert result.geometry is not None
    np.testing.assert_array_equal(result.mask, result.probability >= result.report.threshold)
    assert not result.mask[result.skin_mask == 0].any()
    x, y = result.geometry.landmarks_xy.T
    assert result.skin_mask[y.round().astype(int), x.round().astype(int)].mean() > 0.95
    bare = make_result()
    assert (bare.probability, bare.skin_mask, bare.geometry) == (None, None, None)


def test_the_model_decides_the_threshold() -> None:
    assert make_result(model="unetpp").report.threshold > make_result(model="unet_texture").report.threshold


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 2)])
def test_the_smallest_pictures_have_results(size: tuple[int, int]) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", size).save(buffer, "PNG")
    assert make_result(buffer.getvalue()).mask.shape == size[::-1]


def test_wrong_options_and_files_are_refused_as_by_a_server() -> None:
    with pytest.raises(InvalidParameterError, match="threshold"):
        make_result(threshold=1.5)
    with pytest.raises(InvalidParameterError, match="unetpp"):
        make_result(model="other")
    with pytest.raises(InvalidImageError):
        make_result(b"no picture")
