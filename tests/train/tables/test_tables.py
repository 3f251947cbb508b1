from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

from wrinkle_core.errors import ContractError
from wrinkle_train.recipe import DataRecipe, FilterRecipe, NetworkRecipe, PaperRow, Recipe, TrainRecipe
from wrinkle_train.recipe_schema.paper import PublishedScores
from wrinkle_train.scores.pixel_metrics import PixelCounts, score_set
from wrinkle_train.tables.figure import overlay_sheet
from wrinkle_train.tables.report import TABLES, TableNumber, images_csv, summary_csv, table_markdown
from wrinkle_train.tables.result import ExampleFace, RowResult
from wrinkle_train.tables.rows import RowFiles, run_row, table_recipes
from wrinkle_train.tables.set_folder import set_folder

COUNTS = [PixelCounts(30, 10, 20, 940), PixelCounts(50, 0, 0, 950)]


def _row(name: str = "table1-ours") -> RowResult:
    scores = score_set(["a", "b"], COUNTS)
    blank = np.zeros((64, 64), np.uint8)
    marked, truth = blank.copy(), blank.copy()
    marked[10, 10:30] = marked[40, 10:30] = 1
    truth[11, 10:30] = truth[55, 10:30] = 1
    face = ExampleFace("a", np.full((64, 64, 3), 128, np.uint8), truth, marked)
    paper = PaperRow(table=1, row="Ours", published=PublishedScores(f1=0.6157))
    return RowResult(name, paper, "0123456789ab", scores, scores, 1_234_567, 61.4, "Random.", (face, face))


def test_a_table_shows_our_mean_beside_the_printed_figure() -> None:
    page = table_markdown(1, [_row()], ["On nothing."])
    mean_f1 = (60 / 90 + 1) / 2
    assert f"{mean_f1:.4f} (0.6157)" in page
    assert f"{160 / 190:.4f}" in page  # pooled
    assert "1.235" in page
    assert "On nothing." in page


def test_the_summary_holds_every_metric_once() -> None:
    lines = list(csv.DictReader(StringIO(summary_csv([_row()]))))
    assert [line["metric"] for line in lines] == ["accuracy", "iou", "sensitivity", "precision", "f1", "specificity"]
    by_metric = {line["metric"]: line for line in lines}
    assert by_metric["f1"]["published"] == "0.6157"
    assert by_metric["iou"]["published"] == ""
    assert float(by_metric["iou"]["mean"]) == pytest.approx((30 / 60 + 1) / 2)


def test_every_picture_has_a_line_of_its_own() -> None:
    lines = list(csv.DictReader(StringIO(images_csv([_row(), _row("table1-yap")]))))
    assert [(line["recipe"], line["image"]) for line in lines] == [
        ("table1-ours", "a"), ("table1-ours", "b"), ("table1-yap", "a"), ("table1-yap", "b"),
    ]  # fmt: skip


def test_the_sheet_tells_found_from_false_and_missed() -> None:
    sheet = overlay_sheet([_row()], tile_px=64)
    colours = {tuple(colour) for colour in sheet.reshape(-1, 3)}
    assert {(60, 220, 90), (235, 60, 60), (250, 215, 60)} <= colours
    assert sheet.shape == (2 * (64 + 18), 2 * 64, 3)


@pytest.mark.parametrize(("table", "rows"), [(1, 4), (2, 7), (3, 20), (4, 8)])
def test_every_table_has_its_rows_with_a_published_figure(table: TableNumber, rows: int) -> None:
    recipes = table_recipes(table)
    assert len(recipes) == rows
    for name, recipe in recipes:
        assert recipe.paper is not None
        assert recipe.paper.published.f1 is not None, name
    regimes = [recipe.paper.regime for _, recipe in recipes if recipe.paper]
    assert regimes == sorted(regimes, key=lambda regime: regime == "5%")


def test_tables_that_print_a_system_twice_share_its_run() -> None:
    fingerprints = [recipe.fingerprint() for table in TABLES for _, recipe in table_recipes(table)]
    assert len(fingerprints) == 39
    assert len(set(fingerprints)) == 39 - 5  # Table 2's Dice + focal; Table 4's two rows in both regimes


def test_a_row_is_trained_scored_and_not_run_twice(small_set: Path, tmp_path: Path) -> None:
    paper = PaperRow(row="tiny")
    recipe = Recipe(
        segmenter="unet_texture",
        network=NetworkRecipe(name="unet", in_channels=4, width=4),
        data=DataRecipe(source="records", input_px=128),
        train=TrainRecipe(steps=3, batch_size=2, crop_px=96, warm_up_steps=1),
        paper=paper,
    )
    files = RowFiles(small_set, tmp_path / "runs", {}, tmp_path / "cache")
    first = run_row("tiny", recipe, files, "full")
    again = run_row("tiny", recipe, files, "full")
    assert len(first.scores.images) == len(first.examples) == 2
    assert first.parameters is not None
    assert first.run_s
    assert again.run_s == first.run_s
    assert again.scores == first.scores


def test_a_filter_row_is_scored_without_training(small_set: Path, tmp_path: Path) -> None:
    recipe = FilterRecipe(
        filter="gabor-batool", data=DataRecipe(source="records", input_px=256), paper=PaperRow(row="filter")
    )
    row = run_row("filter", recipe, RowFiles(small_set, tmp_path, {}, tmp_path / "cache"), "full")
    assert row.parameters is None
    assert row.run_s is None
    assert row.examples[0].marked.any()


def test_faces_and_drawings_are_no_data_set_for_the_full_scale(tmp_path: Path) -> None:
    (tmp_path / "faces.csv").touch()
    with pytest.raises(ContractError, match="rendered-set"):
        set_folder(tmp_path, tmp_path / "out", "full")


def test_a_data_set_of_the_users_is_taken_as_it_is(tmp_path: Path) -> None:
    assert set_folder(tmp_path, tmp_path / "out", "full")[0] == tmp_path
