from __future__ import annotations

from pathlib import Path

import pytest

from wrinkle_core.errors import ContractError, InvalidParameterError
from wrinkle_train.recipe import FilterRecipe, Recipe, load_any_recipe, load_recipe
from wrinkle_train.recipe_files import find_recipe, recipe_names

NETWORKS = tuple(name for name in recipe_names() if isinstance(load_any_recipe(find_recipe(name)), Recipe))


def _load(name: str) -> Recipe:
    return load_recipe(find_recipe(name))


def _write(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", NETWORKS)
def test_every_bundled_recipe_has_a_length(name: str) -> None:
    assert _load(name).train.length > 0


def test_an_unknown_key_is_named(tmp_path: Path) -> None:
    text = find_recipe("tiny-unetpp").read_text(encoding="utf-8")
    changed = _write(tmp_path, "changed", text.replace("batch_size:", "batchsize:"))
    with pytest.raises(ContractError, match=r"changed\.yaml.*train\.batchsize"):
        load_recipe(changed)


def test_a_recipe_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ContractError, match=r"binary\.yaml is no valid YAML"):
        load_recipe(tmp_path / "binary.yaml")


def test_a_recipe_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="mapping"):
        load_recipe(_write(tmp_path, "list", "- 1\n"))


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(InvalidParameterError, match="demo-unetpp"):
        find_recipe("no-such-recipe")


def test_what_is_only_extended_is_not_listed() -> None:
    assert not any(name.startswith("_") for name in recipe_names())


def test_any_changed_value_changes_the_fingerprint() -> None:
    recipe = _load("tiny-unetpp")
    train = recipe.train.model_copy(update={"learning_rate": 2 * recipe.train.learning_rate})
    assert recipe.model_copy(update={"train": train}).fingerprint() != recipe.fingerprint()


def test_the_paper_section_does_not_change_the_fingerprint() -> None:
    recipe = _load("table1-ours")
    assert recipe.model_copy(update={"paper": None}).fingerprint() == recipe.fingerprint()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("table1-ours", "table2-dice-focal"),
        ("table3-100-unet-none", "table4-100-none-3ch"),
        ("table3-5-unet-texture", "table4-5-texture-4ch"),
    ],
)
def test_rows_that_mean_the_same_training_share_a_run(one: str, other: str) -> None:
    assert _load(one).fingerprint() == _load(other).fingerprint()


def test_all_texture_rows_of_a_network_share_one_pretraining_stage() -> None:
    names = ("table3-100-unet-texture", "table3-5-unet-texture", "table4-100-texture-3ch", "table4-5-texture-3ch")
    stages = [_load(name).pretraining_stage() for name in names]
    assert len({stage.fingerprint() for stage in stages if stage is not None}) == 1
    assert None not in stages


def test_another_pretraining_rate_is_another_stage() -> None:
    recipe = _load("table3-100-unet-texture")
    assert recipe.pretraining.train is not None
    other = recipe.pretraining.train.model_copy(update={"learning_rate": 1.0})
    changed = recipe.model_copy(update={"pretraining": recipe.pretraining.model_copy(update={"train": other})})
    one, two = recipe.pretraining_stage(), changed.pretraining_stage()
    assert one is not None
    assert two is not None
    assert one.fingerprint() != two.fingerprint()


def test_a_stage_has_three_channels_and_the_planes_of_its_task() -> None:
    texture, denoising = (_load(f"table3-100-unet-{task}").pretraining_stage() for task in ("texture", "denoising"))
    assert texture is not None
    assert denoising is not None
    assert (texture.network.in_channels, texture.network.output_planes) == (3, 1)
    assert (denoising.network.in_channels, denoising.network.output_planes) == (3, 3)


def test_a_recipe_extends_another_key_by_key(tmp_path: Path) -> None:
    _write(tmp_path, "base", find_recipe("tiny-unetpp").read_text(encoding="utf-8"))
    recipe = load_recipe(_write(tmp_path, "child", "extends: base\ntrain: {batch_size: 7}\n"))
    assert recipe.train.batch_size == 7
    assert recipe.train.crop_px == _load("tiny-unetpp").train.crop_px


def test_recipes_that_extend_in_a_circle_are_refused(tmp_path: Path) -> None:
    _write(tmp_path, "a", "extends: b\n")
    with pytest.raises(ContractError, match="circle"):
        load_recipe(_write(tmp_path, "b", "extends: a\n"))


def test_extends_names_no_path(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="extends"):
        load_recipe(_write(tmp_path, "a", "extends: ../b\n"))


def test_a_filter_has_nothing_to_train() -> None:
    assert isinstance(load_any_recipe(find_recipe("table1-yap")), FilterRecipe)
    with pytest.raises(ContractError, match="filter"):
        load_recipe(find_recipe("table1-yap"))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("network: {deep_supervision: true}", "deep_supervision"),
        ("network: {swin: {feature_size: 50}}", "feature_size"),
        ("network: {normalisation: imagenet, in_channels: 4}", "normalisation"),
        ("train: {steps: 5}", "steps or epochs"),
        ("train: {accumulate: 5}", "accumulate"),
        ("train: {crop_px: 2048}", "crop_px"),
        ("train: {scale_range: [1.4, 0.7]}", "scale_range"),
        ("loss: {kind: pixel, terms: [bce, bce]}", "twice"),
        ("loss: {kind: weighted_deep_supervision}", "wds_unet"),
        ("pretraining: {task: masked}", r"pretraining.*train"),
        ("data: {source: rendered_crops}", "rendered_crops"),
    ],
)
def test_parts_that_do_not_fit_each_other_are_named(tmp_path: Path, text: str, key: str) -> None:
    _write(tmp_path, "_paper2", find_recipe("table3-100-unet-none").with_name("_paper2.yaml").read_text("utf-8"))
    with pytest.raises(ContractError, match=key):
        load_recipe(_write(tmp_path, "wrong", f"extends: _paper2\n{text}\n"))


def test_only_recipes_in_the_contracts_form_are_servable() -> None:
    assert _load("table1-ours").is_servable
    assert _load("table3-100-unet-texture").is_servable
    assert not _load("table3-100-unet-none").is_servable  # three channels


def test_a_header_of_an_earlier_version_still_reads() -> None:
    header = """{"segmenter":"unet_texture","network":{"name":"unet","in_channels":4,"width":16,"imagenet":false},
    "render":{"median_depth":0.21,"median_sigma_px":1.25,"procedural_share":0.3,"extra_folds_share":0.2,
    "plain_share":0.08,"distractor_share":0.7},"train":{"steps":2250,"batch_size":4,"crop_px":384,
    "scale_range":[0.75,1.25],"learning_rate":0.003,"encoder_rate_factor":0.3,"warm_up_steps":30,"weight_decay":0.01,
    "gradient_clip":1.0,"ema_decay":0.995,"focal_weight":5.0,"precision":"bf16","workers":0,"seed":20240901,
    "checkpoint_every_s":120.0}}"""
    recipe = Recipe.model_validate_json(header)
    assert recipe.network.output_planes == 2
    assert recipe.loss.terms == ("dice", "focal")
    assert recipe.data.source == "rendered_crops"
