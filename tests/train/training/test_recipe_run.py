"""From a folder of pictures to scores; small pictures without faces, so that no landmarks are needed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from line_batches import line_picture
from wrinkle_core.errors import ArtifactError, ContractError, NoFaceError
from wrinkle_train.batches.record_data import evaluation_photos, record_data
from wrinkle_train.data.fingerprint import records_sha256
from wrinkle_train.data.parts import read_parts
from wrinkle_train.data.photo_dataset import SegmentationPhotos
from wrinkle_train.first_weights.initial import WeightFiles
from wrinkle_train.fitting.fit import FitLimits
from wrinkle_train.recipe import DataRecipe, FilterRecipe, NetworkRecipe, Recipe, TrainRecipe, load_recipe
from wrinkle_train.recipe_files import find_recipe
from wrinkle_train.recipe_schema.pretraining import PretrainingRecipe
from wrinkle_train.scores.scoring import read_scores
from wrinkle_train.training.recipe_run import RecipeRun, run_recipe

QUIET = FitLimits(show_progress=False)
SIDE_PX = 128


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of twenty pictures with masks."""
    folder = tmp_path_factory.mktemp("data") / "pictures"
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for number in range(20):
        picture, mask = line_picture(np.random.default_rng(number), SIDE_PX)
        cv2.imwrite(str(folder / "images" / f"{number:05d}.png"), picture)
        cv2.imwrite(str(folder / "masks" / f"{number:05d}.png"), mask * 255)
    return folder


def _recipe(task: str = "none", **train_values: object) -> Recipe:
    settings = {
        "batch_size": 2,
        "crop_px": 64,
        "learning_rate": 5e-3,
        "ema_decay": None,
        "schedule": {"kind": "constant"},
        "epochs": 1,
        "validate_every": 1,
        **train_values,
    }
    stage = {"epochs": 1, "batch_size": 4, "crop_px": 64, "schedule": {"kind": "constant"}}
    return Recipe(
        segmenter="unet_texture",
        network=NetworkRecipe(name="unet", width=4, imagenet=False),
        train=TrainRecipe.model_validate(settings),
        data=DataRecipe(source="records", input_px=SIDE_PX, mask_rule="none", augmentation="paper1"),
        pretraining=PretrainingRecipe.model_validate({"task": task, "train": None if task == "none" else stage}),
    )


def _run(recipe: Recipe | FilterRecipe, pictures: Path, out: Path) -> RecipeRun:
    return run_recipe(recipe, pictures, out, limits=QUIET, cache=out / "cache")


def test_a_recipe_is_pretrained_trained_and_scored_once(pictures: Path, tmp_path: Path) -> None:
    recipe = _recipe("denoising")
    first = _run(recipe, pictures, tmp_path)
    assert first.training is not None
    assert first.training.steps == 8  # 16 training pictures, two a step
    assert len(first.scores.whole.images) == 2
    assert "fresh" in first.origin
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert _run(recipe, pictures, tmp_path) == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == files


def test_recipes_with_the_same_stage_train_it_once(pictures: Path, tmp_path: Path) -> None:
    _run(_recipe("denoising"), pictures, tmp_path)
    (stage,) = (tmp_path / "stages").iterdir()
    written = (stage / "last.ckpt").stat().st_mtime_ns
    other = _recipe("denoising", learning_rate=1e-3)
    few = other.model_copy(update={"data": other.data.model_copy(update={"train_count": 4})})
    _run(few, pictures, tmp_path)
    assert [folder.name for folder in (tmp_path / "stages").iterdir()] == [stage.name]
    assert (stage / "last.ckpt").stat().st_mtime_ns == written


def test_a_filter_is_scored_without_training(pictures: Path, tmp_path: Path) -> None:
    recipe = FilterRecipe(
        filter="texture-threshold", data=DataRecipe(source="records", input_px=SIDE_PX, mask_rule="none")
    )
    result = _run(recipe, pictures, tmp_path)
    assert result.training is None
    assert result.scores.whole.mean.f1 > 0.5
    assert read_scores(result.folder / "scores.json", records_sha256(result.photos.records)) == result.scores


def test_scores_of_other_pictures_are_not_taken_for_these(pictures: Path, tmp_path: Path) -> None:
    recipe = FilterRecipe(
        filter="texture-threshold", data=DataRecipe(source="records", input_px=SIDE_PX, mask_rule="none")
    )
    first = _run(recipe, pictures, tmp_path)
    other = tmp_path / "other"
    for part in ("images", "masks"):
        (other / part).mkdir(parents=True)
        for path in (pictures / part).iterdir():
            turned = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            assert turned is not None
            cv2.imwrite(str(other / part / path.name), turned[::-1] if part == "masks" else turned)
    assert _run(recipe, other, tmp_path).scores.whole.mean.f1 < first.scores.whole.mean.f1


def test_training_and_test_take_face_masks_from_one_source(pictures: Path, tmp_path: Path) -> None:
    recipe = _recipe()
    recipe = recipe.model_copy(update={"data": recipe.data.model_copy(update={"mask_rule": "face"})})
    parts = read_parts(pictures, recipe.data)
    classes = tmp_path / "classes.npy"
    np.save(classes, np.ones((64, 64), np.uint8))
    parsed = replace(parts, test=tuple(replace(record, parsed=classes) for record in parts.test))
    with pytest.raises(NoFaceError):  # no picture shows a face: the mesh is asked, as for the other parts
        evaluation_photos(parsed, recipe, tmp_path)


def test_a_trained_network_beats_chance_on_lines(pictures: Path, tmp_path: Path) -> None:
    result = _run(_recipe(epochs=12, learning_rate=0.02, validate_every=4), pictures, tmp_path)
    share = float(
        np.mean([image.counts.true_positive + image.counts.false_negative for image in result.scores.whole.images])
    )
    assert result.scores.whole.mean.f1 > 3 * share / SIDE_PX**2


def test_validation_and_test_pictures_are_never_trained_or_pretrained_on(pictures: Path) -> None:
    parts = read_parts(pictures, DataRecipe(source="records"))
    seen = {record.id for record in (*parts.train, *parts.pool)}
    assert len(parts.train) == 16
    assert not seen & {record.id for record in (*parts.val, *parts.test)}


def test_a_small_regime_takes_so_many_training_pictures_and_keeps_the_test_part(pictures: Path) -> None:
    whole, few = (read_parts(pictures, DataRecipe(source="records", train_count=count)) for count in (None, 5))
    assert len(few.train) == 5
    assert set(few.train) < set(whole.train)
    assert few.test == whole.test


def test_split_lists_in_the_folder_come_first(pictures: Path, tmp_path: Path) -> None:
    folder = tmp_path / "listed"
    folder.mkdir()
    for part in ("images", "masks"):
        (folder / part).symlink_to(pictures / part)
    (folder / "splits").mkdir()
    for part, ids in (("train", range(3)), ("val", range(3, 5)), ("test", range(5, 6))):
        text = "".join(f"{number:05d}\n" for number in ids)
        (folder / "splits" / f"{part}.txt").write_text(text, encoding="utf-8")
    parts = read_parts(folder, DataRecipe(source="records"))
    assert [record.id for record in parts.train] == ["00000", "00001", "00002"]
    assert [record.id for record in parts.test] == ["00005"]


def test_semi_automatic_labels_lie_around_the_manual_ones_and_never_in_the_test(pictures: Path, tmp_path: Path) -> None:
    recipe = _recipe()
    recipe = recipe.model_copy(
        update={"data": recipe.data.model_copy(update={"labels": "semi_automatic", "augmentation": "none"})}
    )
    parts = read_parts(pictures, recipe.data)
    made = record_data(parts, recipe, tmp_path).source.batch(0).wrinkle
    manual = record_data(parts, _without_warp(_recipe()), tmp_path).source.batch(0).wrinkle
    assert made.any()
    assert not (made == manual).all()
    photos = evaluation_photos(parts, recipe, tmp_path)
    assert type(photos) is SegmentationPhotos


def _without_warp(recipe: Recipe) -> Recipe:
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"augmentation": "none"})})


def test_a_mask_without_a_picture_is_an_error_before_anything_is_trained(pictures: Path, tmp_path: Path) -> None:
    folder = tmp_path / "lost"
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
        for path in (pictures / part).iterdir():
            (folder / part / path.name).write_bytes(path.read_bytes())
    (folder / "images" / "00003.png").unlink()
    with pytest.raises(ContractError, match=r"00003\.png"):
        _run(_recipe(), folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ContractError, match="empty is no data set"):
        read_parts(tmp_path / "empty", DataRecipe(source="records"))


def test_a_missing_imagenet_file_is_an_error_before_the_pictures_are_read(pictures: Path, tmp_path: Path) -> None:
    recipe = load_recipe(find_recipe("table3-100-unet-resnet50"))
    with pytest.raises(ArtifactError, match=r"gone\.pth"):
        run_recipe(recipe, pictures, tmp_path, files=WeightFiles(imagenet=tmp_path / "gone.pth"), cache=tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_command_trains_on_a_folder_at_the_small_scale_and_goes_on(pictures: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(_recipe().model_dump_json(), encoding="utf-8")
    command = [str(Path(sys.executable).with_name("wrinkle")), "train", str(recipe), "--data", str(pictures)]
    for steps in (["--max-steps", "3"], []):
        done = subprocess.run(
            [*command, "--out", str(tmp_path / "run"), *steps], capture_output=True, text=True, timeout=280
        )
        assert done.returncode == 0, done.stderr[-2000:]
    record = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert record["finished"]
    assert record["steps"] == 8


def test_the_command_names_a_missing_weights_file(pictures: Path, tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("wrinkle")), "train", "table1-ours", "--data", str(pictures)]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "run"), "--weights", "gone.pth"], capture_output=True, text=True, timeout=280
    )
    assert done.returncode != 0
    assert "gone.pth" in done.stderr + done.stdout
    assert not (tmp_path / "run").exists()
