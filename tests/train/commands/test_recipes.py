from __future__ import annotations

import csv
from pathlib import Path

import typer
from typer.testing import CliRunner

from wrinkle_train.commands.recipes import recipes


def test_the_list_names_recipes_in_full_with_their_parameters(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(recipes)
    result = CliRunner().invoke(app, ["--table", "3", "--out", str(tmp_path / "recipes.csv")])
    assert result.exit_code == 0, result.output
    assert "table3-100-semi-automatic-wds" in result.output
    assert "25,153,490" in result.output
    assert "table1-ours" not in result.output
    rows = {row["recipe"]: row for row in csv.DictReader((tmp_path / "recipes.csv").read_text().splitlines())}
    assert len(rows) == 20
    assert rows["table3-5-unet-texture"]["published"] == "accuracy 0.9929, iou 0.3512, f1 0.5116"
    assert rows["table3-5-unet-texture"]["parameters"] == "17,263,618 (17.264 M)"
