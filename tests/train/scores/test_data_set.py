from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from wrinkle_core.errors import ArtifactError, InvalidParameterError
from wrinkle_train.commands.evaluate import evaluate
from wrinkle_train.data.attributes import read_attributes
from wrinkle_train.networks.registry import build_network
from wrinkle_train.recipe import DataRecipe, NetworkRecipe, Recipe, TrainRecipe
from wrinkle_train.scores.data_set import score_data_set, subgroup_scores
from wrinkle_train.weights_file import save_weights

RECIPE = Recipe(
    segmenter="unet_texture",
    network=NetworkRecipe(name="unet", in_channels=4, width=4),
    data=DataRecipe(source="records", input_px=128),
    train=TrainRecipe(steps=1, batch_size=1, crop_px=64),
)


def test_weights_are_scored_on_the_test_part_as_their_recipe_says(small_set: Path, tmp_path: Path) -> None:
    weights = save_weights(build_network(RECIPE.network), RECIPE, tmp_path / "model.safetensors")
    scores = score_data_set(str(weights), small_set, cache=tmp_path)
    assert [image.name for image in scores.whole.images] == ["00005", "00006"]


def test_a_comparison_system_is_scored_by_name(small_set: Path, tmp_path: Path) -> None:
    scores = score_data_set("texture-threshold", small_set, cache=tmp_path)
    assert 0 < scores.whole.pooled.sensitivity < 1


def test_a_recipe_that_was_not_trained_is_named_with_the_remedy(small_set: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="wrinkle train table1-ours"):
        score_data_set("table1-ours", small_set, runs=tmp_path)


def test_an_unknown_system_is_refused(small_set: Path) -> None:
    with pytest.raises(InvalidParameterError, match="no-such"):
        score_data_set("no-such", small_set)


def test_an_exported_network_is_refused_with_what_to_give_instead(small_set: Path) -> None:
    with pytest.raises(InvalidParameterError, match="safetensors"):
        score_data_set("model.onnx", small_set)


def test_subgroups_share_out_the_pictures(small_set: Path, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("id,age,sex\n00005,34,f\n00006,61,m\n")
    scores = score_data_set("texture-threshold", small_set, cache=tmp_path).whole
    attributes = read_attributes(tmp_path / "people.csv")
    by_age = subgroup_scores(scores, attributes, "age")
    assert list(by_age) == ["30 to <40", "60 to <70"]
    assert by_age["30 to <40"].mean == scores.images[0].scores
    assert {label: len(group.images) for label, group in subgroup_scores(scores, attributes, "sex").items()} == {
        "f": 1, "m": 1,
    }  # fmt: skip


def test_the_command_prints_and_writes_figures_per_subgroup(small_set: Path, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("id,sex\n00005,f\n00006,m\n")
    app = typer.Typer()
    app.command()(evaluate)
    arguments = ["texture-threshold", "--data", str(small_set), "--attributes", str(tmp_path / "people.csv")]
    result = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "scores.json")])
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "scores.json").read_text())["texture-threshold"]
    assert list(figures) == ["all", "sex f", "sex m"]
    assert figures["all"]["pictures"] == 2
    assert set(figures["all"]["mean"]) == set(figures["all"]["pooled"])


def test_a_threshold_for_a_data_set_is_refused(small_set: Path) -> None:
    app = typer.Typer()
    app.command()(evaluate)
    result = CliRunner().invoke(app, ["texture-threshold", "--data", str(small_set), "--threshold", "0.3"])
    assert isinstance(result.exception, InvalidParameterError)
