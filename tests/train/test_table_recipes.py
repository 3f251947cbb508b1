"""The bundled recipes against the figures of methods.md, typed in again from there."""

from __future__ import annotations

import pytest

from wrinkle_train.comparison.registry import SYSTEMS
from wrinkle_train.networks.registry import count_parameters
from wrinkle_train.recipe import FilterRecipe, Recipe, load_any_recipe
from wrinkle_train.recipe_files import find_recipe, recipe_names
from wrinkle_train.training.scale import scaled

# Accuracy, IoU, sensitivity, precision, F1, specificity.
PAPER_1 = {
    "table1-batool": (0.9623, 0.0818, 0.2628, 0.1262, 0.1479, 0.9728),
    "table1-yap": (0.979, 0.101, 0.1737, 0.2275, 0.181, 0.9909),
    "table1-sanchez": (0.9889, 0.3517, 0.4289, 0.6726, 0.5153, 0.997),
    "table1-ours": (0.9896, 0.4494, 0.6019, 0.6435, 0.6157, 0.9952),
    "table2-bce": (0.9894, 0.3363, 0.3801, 0.7602, 0.4966, 0.9981),
    "table2-dice": (0.9902, 0.4358, 0.5366, 0.7003, 0.6021, 0.9968),
    "table2-focal": (0.9899, 0.4148, 0.5041, 0.7025, 0.5816, 0.997),
    "table2-bce-focal": (0.9901, 0.3684, 0.4091, 0.7868, 0.5309, 0.9984),
    "table2-bce-dice": (0.9902, 0.4436, 0.5669, 0.6845, 0.6151, 0.9963),
    "table2-dice-focal": (0.9896, 0.4494, 0.6019, 0.6435, 0.6157, 0.9952),
    "table2-bce-dice-focal": (0.9899, 0.4386, 0.5584, 0.6725, 0.6044, 0.9962),
}
# JSI, F1, accuracy with all records, then with 5 %.
PAPER_2 = {
    "table3-{}-semi-automatic-wds": ((0.4552, 0.6256, 0.9954), (0.3384, 0.5057, 0.9928)),
    "table3-{}-striped-wrinet": ((0.4665, 0.6294, 0.9956), (0.2382, 0.3761, 0.9903)),
    "table3-{}-swin-none": ((0.4220, 0.5858, 0.9949), (0.2545, 0.3944, 0.9932)),
    "table3-{}-swin-imagenet": ((0.4385, 0.6028, 0.9952), (0.2877, 0.4351, 0.9939)),
    "table3-{}-swin-masked": ((0.4450, 0.6079, 0.9954), (0.2963, 0.4452, 0.9937)),
    "table3-{}-swin-texture": ((0.4643, 0.6271, 0.9953), (0.3416, 0.4970, 0.9944)),
    "table3-{}-unet-none": ((0.4638, 0.6278, 0.9955), (0.3021, 0.4551, 0.9918)),
    "table3-{}-unet-resnet50": ((0.4664, 0.6296, 0.9955), (0.3428, 0.5018, 0.9934)),
    "table3-{}-unet-denoising": ((0.4709, 0.6339, 0.9955), (0.2840, 0.4338, 0.9898)),
    "table3-{}-unet-texture": ((0.4831, 0.6442, 0.9957), (0.3512, 0.5116, 0.9929)),
    "table4-{}-none-3ch": ((0.4638, 0.6278, 0.9955), (0.3021, 0.4551, 0.9918)),
    "table4-{}-none-4ch": ((0.4606, 0.6221, 0.9954), (0.3208, 0.4743, 0.9924)),
    "table4-{}-texture-3ch": ((0.4796, 0.6422, 0.9957), (0.3442, 0.5051, 0.9919)),
    "table4-{}-texture-4ch": ((0.4831, 0.6442, 0.9957), (0.3512, 0.5116, 0.9929)),
}
PARAMETERS = {
    "table1-ours": 48_457_617,
    "unetpp-deep-supervision": 48_457_812,
    "table3-100-semi-automatic-wds": 17_268_936,
    "table3-100-striped-wrinet": 6_222_530,
    "table3-100-swin-none": 25_153_490,
    "table3-100-swin-imagenet": 100_557_218,
    "table3-100-swin-texture": 25_154_738,
    "table3-100-unet-none": 17_263_042,
    "table3-100-unet-resnet50": 32_521_250,
    "table3-100-unet-texture": 17_263_618,
}
REGIMES = (("100", None), ("5", 40))
TABLE_RECIPES = sorted(name for name in recipe_names() if name.startswith("table"))


def _load(name: str) -> Recipe | FilterRecipe:
    return load_any_recipe(find_recipe(name))


def _network(name: str) -> Recipe:
    recipe = _load(name)
    assert isinstance(recipe, Recipe)
    return recipe


def test_there_is_one_recipe_per_row_and_regime_and_no_other() -> None:
    rows = [pattern.format(regime) for pattern in PAPER_2 for regime, _ in REGIMES]
    assert sorted([*PAPER_1, *rows]) == TABLE_RECIPES


@pytest.mark.parametrize("name", PAPER_1)
def test_rows_of_the_first_paper_carry_its_figures(name: str) -> None:
    paper = _load(name).paper
    assert paper is not None
    p = paper.published
    assert (p.accuracy, p.iou, p.sensitivity, p.precision, p.f1, p.specificity) == PAPER_1[name]
    assert paper.table == int(name[5])


@pytest.mark.parametrize("pattern", PAPER_2)
@pytest.mark.parametrize(("regime", "count"), REGIMES)
def test_rows_of_the_second_paper_carry_its_figures(pattern: str, regime: str, count: int | None) -> None:
    recipe = _network(pattern.format(regime))
    assert recipe.paper is not None
    p = recipe.paper.published
    assert (p.iou, p.f1, p.accuracy) == PAPER_2[pattern][regime == "5"]
    assert recipe.paper.regime == f"{regime}%"
    assert recipe.paper.table == int(pattern[5])
    assert recipe.data.train_count == count


def test_the_two_regimes_of_a_row_differ_in_nothing_else() -> None:
    for pattern in PAPER_2:
        full, few = (_network(pattern.format(regime)) for regime, _ in REGIMES)
        data = few.data.model_copy(update={"train_count": None})
        assert few.model_copy(update={"data": data, "paper": None}) == full.model_copy(update={"paper": None})


@pytest.mark.parametrize(("name", "parameters"), PARAMETERS.items())
def test_networks_have_the_papers_parameter_counts(name: str, parameters: int) -> None:
    recipe = _network(name)
    assert count_parameters(recipe.network) == parameters
    if recipe.paper is not None and recipe.paper.parameters_m is not None:
        assert recipe.paper.parameters_m == pytest.approx(parameters / 1e6, abs=0.006)


def test_table_2_holds_the_seven_combinations_of_losses() -> None:
    terms = {frozenset(_network(name).loss.terms) for name in TABLE_RECIPES if name.startswith("table2")}
    assert len(terms) == 7


def test_the_first_papers_rows_follow_its_schedule() -> None:
    train = _network("table1-ours").train
    assert (train.optimiser, train.learning_rate, train.schedule.kind, train.epochs) == ("adam", 1e-4, "constant", 500)


def test_the_second_papers_rows_follow_its_schedules() -> None:
    unet, swin = _network("table3-100-unet-none").train, _network("table3-100-swin-none").train
    for train, first, epochs in ((unet, 50, 150), (swin, 100, 300)):
        assert train.schedule.kind == "sgdr"
        assert (train.schedule.first_period, train.schedule.period_factor, train.schedule.peak_decay) == (first, 2, 0.9)
        assert (train.epochs, train.learning_rate, train.weight_decay, train.batch_size) == (epochs, 1e-4, 0.05, 14)


def test_the_wds_row_follows_the_texture_papers_schedule_and_its_authors_have_a_recipe_of_their_own() -> None:
    row, own = _network("table3-100-semi-automatic-wds"), _network("wds-authors-schedule")
    assert row.train == _network("table3-100-unet-none").train
    train = own.train
    assert (train.optimiser, train.learning_rate, train.weight_decay, train.epochs, train.batch_size) == (
        "adam",
        0.01,
        1e-4,
        200,
        4,
    )
    assert train.schedule.kind == "cosine"
    assert train.schedule.floor == 1e-6
    assert own.input_px == 640
    assert not train.decay_norms_and_biases


def test_filters_of_table_1_are_known_comparison_systems() -> None:
    for name in ("table1-batool", "table1-yap"):
        recipe = _load(name)
        assert isinstance(recipe, FilterRecipe)
        assert recipe.filter in SYSTEMS


@pytest.mark.parametrize("name", [name for name in TABLE_RECIPES if isinstance(_load(name), Recipe)])
def test_a_small_run_keeps_what_makes_the_row(name: str) -> None:
    recipe = _network(name)
    small = scaled(recipe, "rendered-small")
    for part in ("name", "in_channels", "output_planes", "deep_supervision"):
        assert getattr(small.network, part) == getattr(recipe.network, part)
    assert small.loss == recipe.loss
    assert small.pretraining.task == recipe.pretraining.task
    assert (small.train.optimiser, small.train.schedule.kind) == (recipe.train.optimiser, recipe.train.schedule.kind)
    assert (small.data.labels, small.data.augmentation, small.mask_rule) == (
        recipe.data.labels,
        recipe.data.augmentation,
        recipe.mask_rule,
    )
    assert (small.data.train_count is None) == (recipe.data.train_count is None)
    assert small.input_px == 512
    assert count_parameters(small.network) < 6_000_000


def test_small_runs_are_shared_exactly_where_full_ones_are() -> None:
    recipes = [_load(name) for name in TABLE_RECIPES]
    full = {recipe.fingerprint() for recipe in recipes}
    assert len({scaled(recipe, "rendered-small").fingerprint() for recipe in recipes}) == len(full)


def test_at_full_scale_a_recipe_is_itself() -> None:
    recipe = _load("table3-100-swin-texture")
    assert scaled(recipe, "full") == recipe


def test_a_small_sgdr_run_ends_with_its_last_period() -> None:
    train = scaled(_network("table3-100-unet-none"), "rendered-small").train
    assert train.schedule.kind == "sgdr"
    assert train.schedule.first_period * 3 == train.steps
