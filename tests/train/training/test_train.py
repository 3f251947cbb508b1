from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from line_batches import LineBatches
from wrinkle_core.errors import ArtifactError, ContractError
from wrinkle_train.batches.rendered_crops import RenderedCrops
from wrinkle_train.batches.rendered_data import rendered_data
from wrinkle_train.batches.training_data import TrainingData
from wrinkle_train.fitting.fit import CHECKPOINT_FILE, CURVE_FILE, FitLimits, fit
from wrinkle_train.fitting.module import SegmentationModule
from wrinkle_train.fitting.schedule import RunLength
from wrinkle_train.networks.deployable import Deployable, Normalise
from wrinkle_train.recipe import DataRecipe, LossRecipe, NetworkRecipe, PretrainingRecipe, Recipe, TrainRecipe
from wrinkle_train.render.faces import Library
from wrinkle_train.training.run_record import RECORD_FILE
from wrinkle_train.training.train import WEIGHTS_FILE, finished_run, train
from wrinkle_train.weights_file import load_weights

QUIET = FitLimits(show_progress=False)
RUN = """
import pickle, sys
from pathlib import Path
import torch
from wrinkle_train.fitting.fit import FitLimits
from wrinkle_train.training.train import train
torch.set_num_threads(1)
recipe, data = pickle.loads(Path(sys.argv[1]).read_bytes())
train(recipe, data, Path(sys.argv[2]), limits=FitLimits(show_progress=False))
"""
DDP = """
import json, os, sys
from pathlib import Path
import torch
from line_batches import LineBatches
from wrinkle_train.fitting.fit import FitLimits, Validation, fit
from wrinkle_train.first_weights.initial import WeightFiles, initial_network
from wrinkle_train.fitting.module import SegmentationModule
from wrinkle_train.recipe import Recipe
from wrinkle_train.fitting.schedule import RunLength
from wrinkle_train.batches.training_data import TrainingData
from wrinkle_train.training.train import finished_stage, train
from wrinkle_train.fitting.validation import mean_f1
torch.set_num_threads(1)
recipe = Recipe.model_validate_json(Path(sys.argv[1]).read_text())
folder, rank = Path(sys.argv[2]), os.environ["RANK"]
quiet = FitLimits(show_progress=False)
network, _ = initial_network(recipe, WeightFiles(), None)
module, source = SegmentationModule(recipe, network, RunLength(recipe.train.length)), LineBatches()
scored = {}
def score(trainer, one):
    value = mean_f1(trainer, one, [LineBatches(batch_size=1).batch(number) for number in range(900, 903)])
    scored.update({name: buffer.clone() for name, buffer in one.kept.named_buffers()})
    return value
result = fit(module, source, folder, lambda one: None, quiet, Validation(4, score, lambda one: None))
torch.save({**dict(module.network.named_parameters()), **scored}, folder / f"rank{rank}.pt")
stage = recipe.pretraining_stage()
left = finished_stage(stage, TrainingData(LineBatches(task="pictures"), None, "lines"), folder / "stage", limits=quiet)
run = train(recipe, TrainingData(LineBatches(), None, "lines"), folder / "run", stage=left, limits=quiet)
note = {"numbers": source.numbers, "steps": result.steps, "finished": run.finished, "f1": result.best_f1}
(folder / f"rank{rank}.json").write_text(json.dumps(note))
"""


def _recipe(**train_values: object) -> Recipe:
    settings: dict[str, Any] = {
        "steps": 12,
        "batch_size": 2,
        "crop_px": 64,
        "warm_up_steps": 2,
        "learning_rate": 5e-3,
        "ema_decay": 0.8,
        **train_values,
    }
    return Recipe(
        segmenter="unetpp",
        network=NetworkRecipe(name="unet", width=4, imagenet=False),
        train=TrainRecipe(**settings),
        data=DataRecipe(source="records", input_px=64, mask_rule="none"),
    )


def _data(source: LineBatches | None = None, *, validated: bool = False) -> TrainingData:
    source = source or LineBatches()

    def pictures() -> list[Any]:
        return [LineBatches(batch_size=1).batch(number) for number in range(900, 903)]

    return TrainingData(source, None, "lines", pictures if validated else None)


def _state(folder: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(folder / CHECKPOINT_FILE, weights_only=True)["state_dict"]
    return state


def _curve(folder: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (folder / CURVE_FILE).read_text(encoding="utf-8").splitlines()]
    return [{key: value for key, value in line.items() if key != "unix_s"} for line in lines]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}


def test_batches_are_what_serving_feeds(library: Library, tiny_recipe: Recipe) -> None:
    batch = RenderedCrops(library, tiny_recipe).batch(0)
    assert batch.pixels.shape == (2, 3, 96, 96)
    assert batch.pixels.dtype == torch.uint8
    assert batch.wrinkle.shape == (2, 96, 96)
    outside = batch.pixels.amax(dim=1) == 0
    assert outside.any()
    assert not batch.wrinkle[outside].any()


def test_a_texture_batch_has_a_fourth_channel(library: Library, tiny_recipe: Recipe) -> None:
    network = tiny_recipe.network.model_copy(update={"in_channels": 4})
    recipe = tiny_recipe.model_copy(update={"segmenter": "unet_texture", "network": network})
    batch = RenderedCrops(library, recipe).batch(0)
    assert batch.pixels.shape == (2, 4, 96, 96)
    assert batch.pixels[:, 3].any()


def test_the_loss_falls_on_rendered_crops(library: Library, tiny_recipe: Recipe, tmp_path: Path) -> None:
    settings = tiny_recipe.train.model_copy(update={"batch_size": 4, "learning_rate": 2e-3})
    network = NetworkRecipe(name="unetpp", imagenet=True)
    recipe = tiny_recipe.model_copy(update={"train": settings, "network": network})
    train(recipe, rendered_data(library, recipe), tmp_path, limits=QUIET)
    curve = _curve(tmp_path)
    assert curve[-1]["step"] == 40
    assert curve[-1]["loss"] < 0.85 * curve[0]["loss"]


def test_an_interrupted_run_ends_to_the_bit_where_an_uninterrupted_one_does(tmp_path: Path) -> None:
    recipe = _recipe(steps=30, accumulate=2, validate_every=7)
    train(recipe, _data(validated=True), tmp_path / "whole", limits=QUIET)
    for steps in (7, 13, None):
        train(
            recipe,
            _data(validated=True),
            tmp_path / "parts",
            limits=FitLimits(max_steps=steps, show_progress=False),
        )
    whole, parts = _state(tmp_path / "whole"), _state(tmp_path / "parts")
    assert all(torch.equal(value, parts[name]) for name, value in whole.items())
    assert _curve(tmp_path / "parts") == _curve(tmp_path / "whole")


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Let torch add up in the order the child process does."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_a_killed_run_goes_on_to_the_same_curve_and_weights(tmp_path: Path) -> None:
    recipe = _recipe(steps=60, checkpoint_every_s=0.2)
    train(recipe, _data(), tmp_path / "whole", limits=QUIET)
    (tmp_path / "input.pickle").write_bytes(pickle.dumps((recipe, _data(LineBatches(pause_s=0.2)))))
    folder = tmp_path / "killed"
    command = [sys.executable, "-c", RUN, str(tmp_path / "input.pickle"), str(folder)]
    process = subprocess.Popen(command, env=_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline_s = time.monotonic() + 240
    while not (folder / CHECKPOINT_FILE).exists() and process.poll() is None and time.monotonic() < deadline_s:
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)
    done = int(torch.load(folder / CHECKPOINT_FILE, weights_only=True)["global_step"])
    assert 0 < done < 60
    train(recipe, _data(), folder, limits=QUIET)
    whole, resumed = _state(tmp_path / "whole"), _state(folder)
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())
    assert _curve(folder) == _curve(tmp_path / "whole")


def test_two_processes_share_the_data_score_one_network_and_end_with_equal_weights(tmp_path: Path) -> None:
    recipe = _recipe(steps=4, ema_decay=None)
    stage = PretrainingRecipe(task="denoising", train=recipe.train)
    text = recipe.model_copy(update={"pretraining": stage}).model_dump_json()
    (tmp_path / "recipe.json").write_text(text, encoding="utf-8")
    (tmp_path / "run.py").write_text(DDP, encoding="utf-8")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*torchrun, "run.py", "recipe.json", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, env=_environment(), capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-2000:]
    notes = [json.loads((tmp_path / f"rank{rank}.json").read_text(encoding="utf-8")) for rank in (0, 1)]
    assert [note["steps"] for note in notes] == [4, 4]
    assert notes[0]["f1"] == notes[1]["f1"]
    assert notes[0]["numbers"][:4] == [0, 2, 4, 6]
    assert notes[1]["numbers"][:4] == [1, 3, 5, 7]
    one, two = (torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in (0, 1))
    assert any(name.endswith("running_mean") for name in one)
    assert all(torch.equal(value, two[name]) for name, value in one.items())
    assert all(note["finished"] for note in notes)
    for folder in ("stage", "run"):
        assert json.loads((tmp_path / folder / RECORD_FILE).read_text(encoding="utf-8"))["finished"]


def test_accumulated_parts_equal_the_whole_batch_without_batch_norm(tmp_path: Path) -> None:
    weights = []
    for accumulate in (1, 2):
        recipe = _recipe(steps=3, batch_size=4, accumulate=accumulate, ema_decay=None).model_copy(
            update={"loss": LossRecipe(terms=("bce", "dice"))}
        )
        torch.manual_seed(0)
        network = Deployable(nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 2, 1)), Normalise("signed", 3))
        module = SegmentationModule(recipe, network, RunLength(3))
        fit(module, LineBatches(batch_size=4), tmp_path / str(accumulate), lambda _: None, QUIET)
        weights.append(dict(network.named_parameters()))
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, rtol=1e-4, atol=1e-5, msg=name)


def test_the_best_weights_are_kept_beside_the_last(tmp_path: Path) -> None:
    result = train(_recipe(validate_every=3), _data(validated=True), tmp_path, limits=QUIET)
    scores = [line["validation_f1"] for line in _curve(tmp_path) if "validation_f1" in line]
    assert len(scores) == 4
    assert result.validation_f1 == pytest.approx(max(scores), abs=1e-4)
    assert result.chosen == result.best
    assert load_weights(result.chosen)[1] == load_weights(result.weights)[1]


def test_the_run_record_says_what_ran_on_what(tmp_path: Path) -> None:
    recipe = _recipe()
    train(recipe, _data(), tmp_path, limits=QUIET)
    record = json.loads((tmp_path / RECORD_FILE).read_text(encoding="utf-8"))
    assert record["finished"]
    assert record["fingerprint"] == recipe.fingerprint()
    assert Recipe.model_validate(record["recipe"]) == recipe
    assert record["data_sha256"] == "lines"
    assert record["environment"]["packages"]["torch"] == torch.__version__.split("+")[0]
    assert record["peak_memory_mib"] > 0
    assert record["wall_s"] > 0
    assert record["initial_weights"] == "Random."


def test_a_recipe_that_validates_without_validation_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="validate_every"):
        train(_recipe(validate_every=3), _data(), tmp_path / "run", limits=QUIET)
    assert not (tmp_path / "run").exists()


def test_a_finished_run_is_recognised_and_an_unfinished_one_is_not(tmp_path: Path) -> None:
    recipe = _recipe()
    train(recipe, _data(), tmp_path, limits=FitLimits(max_steps=2, show_progress=False))
    assert finished_run(tmp_path, recipe, "lines") is None
    result = train(recipe, _data(), tmp_path, limits=QUIET)
    assert finished_run(tmp_path, recipe, "lines") == result


def test_without_a_moving_average_the_network_itself_is_saved(tmp_path: Path) -> None:
    result = train(_recipe(ema_decay=None, steps=2), _data(), tmp_path, limits=QUIET)
    saved, trained = load_file(result.weights), _state(tmp_path)
    assert torch.equal(saved["network.head.weight"], trained["network.network.head.weight"].half())


@pytest.mark.parametrize(
    ("network", "loss"),
    [
        (NetworkRecipe(name="wds_unet", in_channels=4, width=4), LossRecipe(kind="weighted_deep_supervision")),
        (NetworkRecipe(name="unetpp", deep_supervision=True, imagenet=False), LossRecipe(terms=("bce", "focal"))),
        (NetworkRecipe(name="unet", width=4), LossRecipe(kind="soft_dice")),
    ],
    ids=["wds", "deep supervision", "soft dice"],
)
def test_every_kind_of_loss_takes_its_networks_answer(network: NetworkRecipe, loss: LossRecipe, tmp_path: Path) -> None:
    recipe = _recipe(steps=1, precision="bf16").model_copy(update={"network": network, "loss": loss})
    result = train(recipe, _data(LineBatches(channels=network.in_channels)), tmp_path, limits=QUIET)
    assert result.loss > 0
    loaded, _ = load_weights(result.weights)
    pixels = torch.zeros((1, network.in_channels, 64, 64), dtype=torch.uint8)
    assert loaded(pixels).shape == (1, 64, 64)


@pytest.mark.shared_data
@pytest.mark.timeout(900)  # it reads every picture of the shared data: a minute on two cores
def test_the_train_command_reads_renders_trains_and_saves(shared_data: Path, tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("wrinkle")), "train", "tiny-unetpp", "--max-steps", "2"]
    folder = tmp_path / "run"
    subprocess.run([*command, "--data", str(shared_data), "--out", str(folder)], check=True, timeout=850)
    network, recipe = load_weights(folder / WEIGHTS_FILE)
    assert recipe.segmenter == "unetpp"
    assert network(torch.zeros((1, 3, 64, 64), dtype=torch.uint8)).shape == (1, 64, 64)


def test_a_folder_of_another_recipe_is_refused(tmp_path: Path) -> None:
    train(_recipe(steps=1), _data(), tmp_path, limits=QUIET)
    with pytest.raises(ArtifactError, match="another recipe"):
        train(_recipe(steps=2), _data(), tmp_path, limits=QUIET)


def test_a_run_on_other_data_is_refused(tmp_path: Path) -> None:
    train(_recipe(steps=1), _data(), tmp_path, limits=QUIET)
    with pytest.raises(ArtifactError, match="other data"):
        train(_recipe(steps=1), TrainingData(LineBatches(), None, "others"), tmp_path, limits=QUIET)


def test_a_damaged_checkpoint_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / CHECKPOINT_FILE).write_bytes(b"damaged")
    with pytest.raises(ArtifactError, match=r"last\.ckpt"):
        train(_recipe(steps=1), _data(), tmp_path, limits=QUIET)


def test_saved_weights_name_their_recipe(tmp_path: Path) -> None:
    recipe = _recipe(steps=1)
    result = train(recipe, _data(), tmp_path, limits=QUIET)
    assert load_weights(result.weights)[1] == recipe


def test_a_file_that_is_no_safetensors_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.safetensors"
    path.write_bytes(b"not weights")
    with pytest.raises(ArtifactError, match=r"broken\.safetensors"):
        load_weights(path)
