from __future__ import annotations

import pytest
import torch
from monai.losses.dice import DiceLoss
from torch import Tensor

from wrinkle_core.errors import InvalidParameterError
from wrinkle_train.losses import (
    TABLE2_LOSSES,
    CombinedLoss,
    WdsLoss,
    bce_loss,
    dice_loss,
    focal_loss,
    soft_dice_loss,
    wrinkle_weight_maps,
)

LOGIT = torch.randn(2, 8, 8, generator=torch.Generator().manual_seed(1))
LOGITS = torch.randn(2, 2, 8, 8, generator=torch.Generator().manual_seed(4))
WRINKLE = (torch.rand(2, 8, 8, generator=torch.Generator().manual_seed(2)) < 0.2).float()
ALL = torch.ones_like(WRINKLE)
PIXELWISE = [dice_loss, focal_loss, bce_loss]
EVERY_LOSS = [*(CombinedLoss.from_name(name) for name in (*TABLE2_LOSSES, "soft_dice")), WdsLoss()]
EVERY_NAME = [*TABLE2_LOSSES, "soft_dice", "wds"]


def _undecided_512() -> tuple[Tensor, Tensor, Tensor]:
    """Return p = .5 everywhere on a 512 x 512 image with 1.42 % wrinkle: methods.md section 2."""
    wrinkle = torch.zeros(512 * 512)
    wrinkle[: round(0.0142 * 512 * 512)] = 1
    wrinkle = wrinkle.reshape(1, 512, 512)
    return torch.zeros(1, 512, 512), wrinkle, torch.ones_like(wrinkle)


def test_dice_equals_monais_squared_dice() -> None:
    reference = DiceLoss(sigmoid=True, squared_pred=True, smooth_nr=1e-6, smooth_dr=1e-6)
    torch.testing.assert_close(dice_loss(LOGIT, WRINKLE, ALL), reference(LOGIT[:, None], WRINKLE[:, None]))


def test_soft_dice_equals_monais_softmax_dice() -> None:
    reference = DiceLoss(softmax=True, to_onehot_y=True)
    torch.testing.assert_close(soft_dice_loss(LOGITS, WRINKLE, ALL), reference(LOGITS, WRINKLE[:, None]))


def test_soft_dice_of_one_logit_is_that_of_two_with_the_same_probability() -> None:
    two = torch.stack([torch.zeros_like(LOGIT), LOGIT], dim=1)
    torch.testing.assert_close(soft_dice_loss(LOGIT[:, None], WRINKLE, ALL), soft_dice_loss(two, WRINKLE, ALL))


def test_cross_entropy_is_the_plain_mean() -> None:
    p = torch.sigmoid(LOGIT)
    by_hand = -(WRINKLE * p.log() + (1 - WRINKLE) * (1 - p).log()).mean()
    torch.testing.assert_close(bce_loss(LOGIT, WRINKLE, ALL), by_hand)


def test_focal_is_its_equation() -> None:
    p = torch.sigmoid(LOGIT)
    wrinkled = 0.75 * WRINKLE * (1 - p) ** 2 * p.log()
    other = 0.25 * (1 - WRINKLE) * p**2 * (1 - p).log()
    torch.testing.assert_close(focal_loss(LOGIT, WRINKLE, ALL, reduction="sum"), -(wrinkled + other).sum() / 2)
    torch.testing.assert_close(focal_loss(LOGIT, WRINKLE, ALL), -(wrinkled + other).mean())


def test_an_undecided_network_costs_what_the_reference_computed() -> None:
    image = _undecided_512()
    assert float(focal_loss(*image, reduction="sum")) == pytest.approx(11_679, abs=2)
    assert float(focal_loss(*image)) == pytest.approx(0.0446, abs=1e-4)
    assert float(dice_loss(*image)) == pytest.approx(0.946, abs=5e-4)
    assert float(bce_loss(*image)) == pytest.approx(0.693147, abs=1e-5)


def test_a_perfect_answer_costs_almost_nothing() -> None:
    sure = (WRINKLE * 2 - 1) * 20
    assert float(dice_loss(sure, WRINKLE, ALL)) < 1e-5
    assert float(focal_loss(sure, WRINKLE, ALL)) < 1e-6
    assert float(bce_loss(sure, WRINKLE, ALL)) < 1e-6


@pytest.mark.parametrize("loss", PIXELWISE)
def test_an_ignored_pixel_changes_nothing(loss: object) -> None:
    assert callable(loss)
    weight = ALL.clone()
    weight[0, 3, 3] = 0
    changed = LOGIT.clone()
    changed[0, 3, 3] += 9.0
    torch.testing.assert_close(loss(changed, WRINKLE, weight), loss(LOGIT, WRINKLE, weight))


@pytest.mark.parametrize("loss", [soft_dice_loss, WdsLoss()], ids=["soft_dice", "wds"])
def test_an_ignored_pixel_changes_no_two_class_loss(loss: object) -> None:
    assert callable(loss)
    weight = ALL.clone()
    weight[0, 3, 3] = 0
    changed = LOGITS.clone()
    changed[0, :, 3, 3] = torch.tensor([-9.0, 9.0])
    torch.testing.assert_close(loss(changed, WRINKLE, weight), loss(LOGITS, WRINKLE, weight))


def test_table_2_has_the_seven_combinations_of_three_losses() -> None:
    assert {frozenset(name.split("+")) for name in TABLE2_LOSSES} == {
        frozenset(names)
        for names in (("bce",), ("dice",), ("focal",), ("bce", "focal"), ("bce", "dice"), ("dice", "focal"))
    } | {frozenset(("bce", "dice", "focal"))}


@pytest.mark.parametrize("name", TABLE2_LOSSES)
def test_a_combination_is_the_sum_of_its_parts(name: str) -> None:
    alone = {"bce": bce_loss, "dice": dice_loss, "focal": focal_loss}
    expected = sum((alone[part](LOGIT, WRINKLE, ALL) for part in name.split("+")), start=torch.tensor(0.0))
    torch.testing.assert_close(CombinedLoss.from_name(name)(LOGIT[:, None], WRINKLE, ALL), expected)


def test_two_logits_are_judged_by_their_difference() -> None:
    loss = CombinedLoss.from_name("dice+focal")
    torch.testing.assert_close(loss(LOGITS, WRINKLE, ALL), loss((LOGITS[:, 1] - LOGITS[:, 0])[:, None], WRINKLE, ALL))


def test_weights_and_the_literal_sum_are_obeyed() -> None:
    loss = CombinedLoss({"dice": 1.0, "focal": 5.0}, focal_reduction="sum")
    expected = dice_loss(LOGIT, WRINKLE, ALL) + 5 * focal_loss(LOGIT, WRINKLE, ALL, reduction="sum")
    torch.testing.assert_close(loss(LOGIT[:, None], WRINKLE, ALL), expected)
    assert [(term.name, term.weight) for term in loss.terms] == [("dice", 1.0), ("focal", 5.0)]


def test_deep_supervision_is_the_mean_over_the_heads() -> None:
    loss = CombinedLoss.from_name("bce+dice")
    heads = [LOGIT[:, None], -LOGIT[:, None], 2 * LOGIT[:, None]]
    expected = torch.stack([loss(head, WRINKLE, ALL) for head in heads]).mean()
    torch.testing.assert_close(loss(heads, WRINKLE, ALL), expected)


@pytest.mark.parametrize("weights", [{}, {"dice": 0.0}, {"tversky": 1.0}, {"bce": float("nan")}])
def test_a_loss_that_is_none_is_refused(weights: dict[str, float]) -> None:
    with pytest.raises(InvalidParameterError, match="positive weights"):
        CombinedLoss(weights)


def test_a_term_named_twice_is_refused() -> None:
    with pytest.raises(InvalidParameterError, match="twice"):
        CombinedLoss.from_name("dice+dice")


def test_weight_maps_fall_off_from_the_wrinkle_and_are_filled_with_their_mean() -> None:
    wrinkle = torch.zeros(1, 8, 8)
    wrinkle[0, 0, 0] = 1
    half, quarter, eighth = wrinkle_weight_maps(wrinkle)
    assert half[0, 0].tolist() == pytest.approx([255, 63.75, *[63.75] * 6])
    assert quarter[0, 0].tolist() == pytest.approx([255, *[255 / 16] * 7])
    assert eighth[0, 0].tolist() == pytest.approx([255, *[255 / 64] * 7])


def test_far_pixels_of_a_weight_map_take_the_mean_of_the_near_ones() -> None:
    wrinkle = torch.zeros(1, 8, 8)
    wrinkle[0, 0, :2] = 1
    wrinkle[0, 0, 2] = 1
    half, _, _ = wrinkle_weight_maps(wrinkle)
    near = (4 * 127.5 + 4 * 63.75) / 8
    assert half[0, 7, 7] == pytest.approx(near)
    assert half[0, 1].tolist() == pytest.approx([127.5, 127.5, 63.75, 63.75, *[near] * 4])


def test_an_image_without_wrinkles_has_flat_weight_maps_beside_one_with() -> None:
    wrinkle = torch.zeros(2, 8, 8)
    wrinkle[1, 2, 2] = 1
    for weights in wrinkle_weight_maps(wrinkle):
        assert bool((weights[0] == 255).all())
        assert float(weights[1].min()) < 255


def test_weighted_deep_supervision_is_its_formula() -> None:
    heads = [LOGITS, LOGITS.flip(0), -LOGITS, 0.5 * LOGITS]
    maps = [torch.ones_like(WRINKLE), *wrinkle_weight_maps(WRINKLE)]
    expected = torch.tensor(0.0)
    for head, counted in zip(heads, maps, strict=True):
        p = torch.softmax(head, dim=1)
        for label, truth in ((0, 1 - WRINKLE), (1, WRINKLE)):
            both = (counted * p[:, label] * truth).sum()
            dice = 2 * both / ((counted * p[:, label]).sum() + (counted * truth).sum())
            expected = expected + (1 - dice) / 2
    torch.testing.assert_close(WdsLoss()(heads, WRINKLE, ALL), expected)


@pytest.mark.parametrize("loss", EVERY_LOSS, ids=EVERY_NAME)
@pytest.mark.parametrize("size", [0.0, 100.0, 1e4])
@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_gradients_stay_finite_at_extremes(loss: CombinedLoss | WdsLoss, size: float, share: float) -> None:
    wrinkle = (torch.rand(2, 8, 8, generator=torch.Generator().manual_seed(7)) < share).float()
    heads = [(size * LOGITS).requires_grad_() for _ in range(4)]
    value = loss(heads, wrinkle, ALL)
    value.backward()  # type: ignore[no-untyped-call]
    assert bool(value.isfinite())
    assert all(head.grad is not None and bool(head.grad.isfinite().all()) for head in heads)


@pytest.mark.parametrize("loss", EVERY_LOSS, ids=EVERY_NAME)
def test_a_step_down_the_gradient_helps(loss: CombinedLoss | WdsLoss) -> None:
    logits = LOGITS.clone().requires_grad_()
    value = loss([logits] * 4, WRINKLE, ALL)
    (gradient,) = torch.autograd.grad(value, logits)
    with torch.no_grad():
        better = logits - gradient / gradient.norm()
        assert float(loss([better] * 4, WRINKLE, ALL)) < float(value.detach())
