from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from line_pictures import LinePicture, line_picture
from wrinkle_core.errors import ContractError, InvalidParameterError
from wrinkle_train.comparison.registry import SYSTEMS, ComparisonSystem
from wrinkle_train.metrics import score_mask

EVERY = pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)
# The hybrid Hessian filter answers on a flank, so its marks may lie half a line's width and a scale beside the middle.
FARTHEST_PX = {"hybrid-hessian": 9.0, "multiscale-yap": 9.0}


def _found_share(mask: NDArray[np.uint8], picture: LinePicture, within_px: float) -> float:
    """Return the share of the line's middle that has a mark within ``within_px`` of the 512 px frame."""
    scale = mask.shape[0] / 512
    middle = picture.distance_px < 0.8 / min(scale, 1)
    apart = cv2.distanceTransform(1 - mask, cv2.DIST_L2, 5) / scale
    return float((apart[middle] <= within_px).mean())


@EVERY
@pytest.mark.parametrize("angle_deg", [0, 45, 110])
def test_a_dark_line_is_found_where_it_is_and_nothing_else(system: ComparisonSystem, angle_deg: float) -> None:
    picture = line_picture(angle_deg, side_px=256, depth=80)
    mask = system.mark(picture.rgb, picture.skin).mask
    assert mask.dtype == np.uint8
    assert _found_share(mask, picture, within_px=3) > 0.75
    assert picture.distance_px[mask > 0].max() <= FARTHEST_PX.get(system.name, 5.0)


@EVERY
@pytest.mark.parametrize("angle_deg", [0, 25])
def test_the_mark_runs_along_the_line(system: ComparisonSystem, angle_deg: float) -> None:
    picture = line_picture(angle_deg, side_px=256, depth=80)
    rows, columns = np.nonzero(system.mark(picture.rgb, picture.skin).mask)
    vx, vy, _, _ = cv2.fitLine(np.column_stack([columns, rows]).astype(np.float32), cv2.DIST_L2, 0, 0.01, 0.01).ravel()
    turned = (np.rad2deg(np.arctan2(vy, vx)) - angle_deg + 90) % 180 - 90
    assert abs(turned) < 4


@EVERY
def test_a_bright_line_is_not_marked(system: ComparisonSystem) -> None:
    picture = line_picture(20, depth=-40, side_px=256)
    mask = system.mark(picture.rgb, picture.skin).mask
    if system.name == "texture-threshold":  # its blur makes the skin beside a bright line look dark
        mask = mask * (picture.distance_px < 2)
    assert not mask.any()


@EVERY
def test_plain_skin_and_the_edge_of_its_mask_are_not_marked(system: ComparisonSystem) -> None:
    picture = line_picture(0, depth=0, side_px=256)
    assert not system.mark(picture.rgb, picture.skin).mask.any()


@EVERY
def test_nothing_outside_the_skin_is_marked_or_matters(system: ComparisonSystem) -> None:
    picture = line_picture(45, side_px=256)
    noise = np.random.default_rng(3).integers(0, 256, picture.rgb.shape, dtype=np.uint8)
    elsewhere = np.where(picture.skin[..., None] > 0, picture.rgb, noise)
    first, second = system.mark(picture.rgb, picture.skin), system.mark(elsewhere, picture.skin)
    assert np.array_equal(first.mask, second.mask)
    assert not first.mask[picture.skin == 0].any()
    assert not first.response[picture.skin == 0].any()


@EVERY
def test_no_skin_gives_an_empty_answer(system: ComparisonSystem) -> None:
    picture = line_picture(0, side_px=128)
    answer = system.mark(picture.rgb, np.zeros_like(picture.skin))
    assert not answer.mask.any()
    assert not answer.response.any()
    assert answer.response.dtype == np.float32


@EVERY
def test_the_same_picture_at_half_the_size_gives_the_same_line(system: ComparisonSystem) -> None:
    small, large = (line_picture(25, side_px=side, depth=80, sigma_px=2) for side in (256, 512))
    mask = system.mark(small.rgb, small.skin).mask
    assert _found_share(mask, small, within_px=4) > 0.75
    enlarged = np.repeat(np.repeat(mask, 2, axis=0), 2, axis=1)
    assert score_mask(enlarged, system.mark(large.rgb, large.skin).mask).tolerant_f1 > 0.9


@EVERY
def test_marks_on_grainy_skin_fit_the_line_better_than_as_many_random_ones(system: ComparisonSystem) -> None:
    picture = line_picture(25, side_px=256, depth=80)
    rng = np.random.default_rng(5)
    grain = cv2.GaussianBlur(rng.normal(0, 8, picture.skin.shape), (0, 0), 1)[..., None]
    rgb = np.clip(picture.rgb + grain, 0, 255).astype(np.uint8)
    mask = system.mark(rgb, picture.skin).mask
    truth = (picture.distance_px < 2).astype(np.uint8)
    chosen = rng.choice(np.flatnonzero(picture.skin), int(mask.sum()), replace=False)
    random = np.zeros_like(mask)
    random.flat[chosen] = 1
    assert score_mask(mask, truth).f1 > 3 * score_mask(random, truth).f1


@EVERY
@pytest.mark.parametrize("threshold", [-1.0, 1000.0])
def test_a_threshold_out_of_range_is_refused(system: ComparisonSystem, threshold: float) -> None:
    picture = line_picture(0, side_px=64)
    with pytest.raises(InvalidParameterError):
        system.run(picture.rgb, picture.skin, threshold=threshold)


@pytest.mark.parametrize(
    ("face_shape", "skin_shape", "message"),
    [((64, 80, 3), (64, 80), "aligned face"), ((32, 32, 3), (32, 32), "from 64"), ((64, 64, 3), (64, 63), "skin mask")],
)
def test_a_face_or_mask_of_the_wrong_shape_is_refused(
    face_shape: tuple[int, ...], skin_shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ContractError, match=message):
        SYSTEMS["hybrid-hessian"].mark(np.zeros(face_shape, np.uint8), np.zeros(skin_shape, np.uint8))


def test_a_skin_mask_of_0_and_255_is_refused() -> None:
    with pytest.raises(ContractError, match="values 0 and 1"):
        SYSTEMS["gabor-batool"].mark(np.zeros((64, 64, 3), np.uint8), np.full((64, 64), 255, np.uint8))
