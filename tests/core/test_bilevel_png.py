from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from PIL import Image

from wrinkle_core.bilevel_png import bilevel_png
from wrinkle_core.errors import ContractError


@given(data=st.data(), width_px=st.integers(1, 40), height_px=st.integers(1, 12), seed=st.integers(0, 2**32 - 1))
def test_both_readers_see_the_box_where_it_was_put_and_black_around(
    data: st.DataObject, width_px: int, height_px: int, seed: int
) -> None:
    left_px, top_px = data.draw(st.integers(0, width_px)), data.draw(st.integers(0, height_px))
    shape = data.draw(st.integers(0, height_px - top_px)), data.draw(st.integers(0, width_px - left_px))
    box = np.random.default_rng(seed).integers(0, 2, shape, np.uint8)
    expected = np.zeros((height_px, width_px), np.uint8)
    expected[top_px : top_px + shape[0], left_px : left_px + shape[1]] = box

    png = bilevel_png(np.packbits(box, axis=1), left_px=left_px, top_px=top_px, width_px=width_px, height_px=height_px)

    image = Image.open(io.BytesIO(png))
    assert (image.format, image.mode, image.size) == ("PNG", "1", (width_px, height_px))
    assert_array_equal(np.asarray(image), expected)
    assert_array_equal(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE), 255 * expected)


def test_a_png_spoilt_on_its_way_is_noticed() -> None:
    png = bytearray(bilevel_png(np.full((8, 1), 255, np.uint8), left_px=4, top_px=4, width_px=64, height_px=64))
    png[-20] ^= 1
    with pytest.raises((OSError, SyntaxError)):
        Image.open(io.BytesIO(png)).load()


@pytest.mark.parametrize(
    ("left_px", "top_px", "width_px", "height_px"),
    [(-1, 0, 9, 9), (0, -1, 9, 9), (9, 0, 9, 9), (0, 2, 9, 9)],
)
def test_a_box_outside_the_picture_is_a_contract_error(
    left_px: int, top_px: int, width_px: int, height_px: int
) -> None:
    with pytest.raises(ContractError, match="is not in"):
        bilevel_png(
            np.full((8, 1), 255, np.uint8), left_px=left_px, top_px=top_px, width_px=width_px, height_px=height_px
        )


@pytest.mark.parametrize(("width_px", "height_px"), [(0, 3), (3, 0), (-1, -1)])
def test_a_picture_without_pixels_is_a_contract_error(width_px: int, height_px: int) -> None:
    with pytest.raises(ContractError, match="at least one pixel"):
        bilevel_png(np.zeros((0, 0), np.uint8), left_px=0, top_px=0, width_px=width_px, height_px=height_px)
