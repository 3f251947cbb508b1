from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from wrinkle_train.fitting.optimiser import optimisation
from wrinkle_train.fitting.schedule import RunLength, rate_factor, sgdr_factor
from wrinkle_train.recipe import TrainRecipe, load_recipe
from wrinkle_train.recipe_files import find_recipe
from wrinkle_train.recipe_schema.optimisation import CosineSchedule, SgdrSchedule

SWIN = SgdrSchedule(kind="sgdr", first_period=100, period_factor=2, peak_decay=0.9)


@pytest.mark.parametrize(
    ("epoch", "factor"),
    [
        (0, 1.0),
        (50, 0.5),
        (99, 0.5 * (1 + math.cos(math.pi * 0.99))),
        (100, 0.9),
        (200, 0.45),
        (299, 0.45 * (1 + math.cos(math.pi * 0.995))),
        (300, 0.81),
    ],
)
def test_sgdr_restarts_with_a_lower_peak_and_a_longer_period(epoch: int, factor: float) -> None:
    assert sgdr_factor(epoch, SWIN) == pytest.approx(factor, abs=1e-12)


def test_the_u_net_restarts_after_50_epochs_and_ends_after_150() -> None:
    train = load_recipe(find_recipe("table3-100-unet-none")).train
    rate = rate_factor(train, RunLength.of(train, 800))
    epoch = 800 / 14
    values = {e: train.learning_rate * rate(math.ceil(e * epoch)) for e in (0, 25, 49, 50, 100, 149)}
    assert values[0] == pytest.approx(1e-4)
    assert values[25] == pytest.approx(0.5e-4)
    assert values[49] < 2e-7
    assert values[50] == pytest.approx(0.9e-4)
    assert values[100] == pytest.approx(0.45e-4)
    assert values[149] < 1e-7


def test_the_rate_stays_within_an_epoch() -> None:
    train = load_recipe(find_recipe("table3-100-unet-none")).train
    rate = rate_factor(train, RunLength.of(train, 140))
    assert len({rate(step) for step in range(10)}) == 1
    assert rate(10) < rate(9)


def test_a_length_in_epochs_counts_every_process() -> None:
    train = load_recipe(find_recipe("table3-100-unet-none")).train
    assert RunLength.of(train, 140).steps == 1500
    assert RunLength.of(train, 140, processes=2).steps == 750


def test_a_constant_rate_stays() -> None:
    train = load_recipe(find_recipe("table1-ours")).train
    rate = rate_factor(train, RunLength.of(train, 800))
    assert {rate(step) for step in (0, 999, 49_999)} == {1.0}


def test_a_cosine_ends_at_its_floor() -> None:
    train = TrainRecipe(
        steps=200,
        batch_size=1,
        crop_px=64,
        learning_rate=0.01,
        schedule=CosineSchedule(kind="cosine", floor=1e-6),
    )
    rate = rate_factor(train, RunLength.of(train, None))
    assert 0.01 * rate(0) == pytest.approx(0.01)
    assert 0.01 * rate(200) == pytest.approx(1e-6)


def test_warm_up_rises_in_a_line_and_falls_in_a_cosine() -> None:
    train = TrainRecipe(steps=130, batch_size=1, crop_px=64, warm_up_steps=30)
    rate = rate_factor(train, RunLength.of(train, None))
    assert rate(0) == pytest.approx(1 / 31)
    assert rate(30) == pytest.approx(1)
    assert rate(80) == pytest.approx(0.5)
    assert rate(130) == pytest.approx(0)


def test_biases_and_norms_decay_only_when_the_recipe_says_so() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    train = load_recipe(find_recipe("wds-authors-schedule")).train
    optimiser = optimisation(network, train, RunLength(10), slow_encoder=False)["optimizer"]
    decays = {p: group["weight_decay"] for group in optimiser.param_groups for p in group["params"]}
    assert isinstance(optimiser, torch.optim.Adam)
    assert decays[network[0].weight] == 1e-4
    assert {decays[p] for p in (network[0].bias, *network[1].parameters())} == {0.0}


def test_an_encoder_from_imagenet_learns_slower() -> None:
    network = nn.ModuleDict({"encoder": nn.Linear(2, 2), "decoder": nn.Linear(2, 2)})
    train = TrainRecipe(steps=10, batch_size=1, crop_px=64, warm_up_steps=0, encoder_rate_factor=0.25)
    optimiser = optimisation(network, train, RunLength(10), slow_encoder=True)["optimizer"]
    rates = {p: group["initial_lr"] for group in optimiser.param_groups for p in group["params"]}
    encoder, decoder = network["encoder"], network["decoder"]
    assert rates[next(encoder.parameters())] == 0.25 * rates[next(decoder.parameters())]
