from __future__ import annotations

import pytest
import torch
from monai.losses.dice import DiceLoss

from wrinkle_train.losses import dice_loss, focal_loss

LOGIT = torch.randn(2, 8, 8, generator=torch.Generator().manual_seed(1))
WRINKLE = (torch.rand(2, 8, 8, generator=torch.Generator().manual_seed(2)) < 0.2).float()
ALL = torch.ones_like(WRINKLE)


def test_dice_equals_monais_squared_dice() -> None:
    reference = DiceLoss(sigmoid=True, squared_pred=True, smooth_nr=1e-6, smooth_dr=1e-6)
    torch.testing.assert_close(dice_loss(LOGIT, WRINKLE, ALL), reference(LOGIT[:, None], WRINKLE[:, None]))


def test_focal_of_an_undecided_network_has_its_closed_form() -> None:
    share = float(WRINKLE.mean())
    expected = (0.75 * share + 0.25 * (1 - share)) * 0.25 * 0.693147
    assert float(focal_loss(torch.zeros_like(LOGIT), WRINKLE, ALL)) == pytest.approx(expected, rel=1e-4)


def test_a_perfect_answer_costs_almost_nothing() -> None:
    sure = (WRINKLE * 2 - 1) * 20
    assert float(dice_loss(sure, WRINKLE, ALL)) < 1e-5
    assert float(focal_loss(sure, WRINKLE, ALL)) < 1e-6


@pytest.mark.parametrize("loss", [dice_loss, focal_loss])
def test_an_ignored_pixel_changes_nothing(loss: object) -> None:
    assert callable(loss)
    weight = ALL.clone()
    weight[0, 3, 3] = 0
    changed = LOGIT.clone()
    changed[0, 3, 3] = 9.0
    assert float(loss(changed, WRINKLE, weight)) == pytest.approx(float(loss(LOGIT, WRINKLE, weight)), abs=1e-7)
