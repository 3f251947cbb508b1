from __future__ import annotations

import numpy as np
import pytest

from line_pictures import line_picture
from wrinkle_core.errors import ContractError, InvalidParameterError
from wrinkle_train.comparison.semi_automatic import rough_mask, semi_automatic_label


@pytest.mark.parametrize("angle_deg", [0, 45, 110])
@pytest.mark.parametrize("side_px", [640, 1024])
def test_a_label_lies_in_the_rough_mask_and_on_the_dark_line(angle_deg: float, side_px: int) -> None:
    picture = line_picture(angle_deg, side_px=side_px)
    rough = (picture.distance_px < 6).astype(np.uint8)
    label = semi_automatic_label(picture.rgb, rough)
    assert not label[rough == 0].any()
    assert label[picture.distance_px < 0.7].mean() > 0.95
    on_line = picture.distance_px[label > 0] < 3
    assert on_line.mean() > 0.9


def test_no_rough_mask_gives_no_label() -> None:
    picture = line_picture(0)
    assert not semi_automatic_label(picture.rgb, np.zeros_like(picture.skin)).any()


def test_a_line_outside_the_rough_mask_is_not_labelled() -> None:
    picture = line_picture(0)
    rough = np.zeros_like(picture.skin)
    rough[300:330, 100:400] = 1
    assert not semi_automatic_label(picture.rgb, rough)[240:270].any()


def test_a_rough_mask_grows_by_its_radius_on_every_side() -> None:
    drawn = np.zeros((101, 101), np.uint8)
    drawn[50, 50] = 1
    grown = rough_mask(drawn, dilate_px=7)
    assert np.flatnonzero(grown[50]).tolist() == list(range(43, 58))
    assert np.flatnonzero(grown[:, 50]).tolist() == list(range(43, 58))


def test_bad_arrays_and_radii_are_refused() -> None:
    picture = line_picture(0, side_px=64)
    with pytest.raises(ContractError, match="must be equal"):
        semi_automatic_label(picture.rgb, np.zeros((63, 64), np.uint8))
    with pytest.raises(ContractError, match="values 0 and 1"):
        semi_automatic_label(picture.rgb, picture.skin * np.uint8(255))
    with pytest.raises(ContractError, match="aligned face"):
        semi_automatic_label(picture.rgb[:, :-1], picture.skin)
    with pytest.raises(InvalidParameterError, match="1 to 50"):
        rough_mask(picture.skin, dilate_px=0)
