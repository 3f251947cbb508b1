from __future__ import annotations

import json
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from wrinkle_core.errors import ArtifactError
from wrinkle_train.dataset import RenderedCrops
from wrinkle_train.recipe import NetworkRecipe, Recipe
from wrinkle_train.render.faces import Library
from wrinkle_train.training import WEIGHTS_FILE, load_weights, train

RUN = """
import pickle, sys
from pathlib import Path
from wrinkle_train.training import train
library, recipe = pickle.loads(Path(sys.argv[1]).read_bytes())
train(recipe, library, Path(sys.argv[2]), show_progress=False)
"""


def _with(recipe: Recipe, **train_values: object) -> Recipe:
    return recipe.model_copy(update={"train": recipe.train.model_copy(update=train_values)})


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


def test_the_loss_falls_within_a_few_steps(library: Library, tiny_recipe: Recipe, tmp_path: Path) -> None:
    network = NetworkRecipe(name="unetpp", imagenet=True)
    recipe = _with(tiny_recipe, batch_size=4, learning_rate=2e-3).model_copy(update={"network": network})
    train(recipe, library, tmp_path, show_progress=False)
    curve = [json.loads(line) for line in (tmp_path / "curve.jsonl").read_text(encoding="utf-8").splitlines()]
    assert curve[-1]["step"] == 40
    assert curve[-1]["loss"] < 0.8 * curve[0]["loss"]


def test_an_interrupted_run_ends_where_an_uninterrupted_one_does(
    library: Library, tiny_recipe: Recipe, tmp_path: Path
) -> None:
    recipe = _with(tiny_recipe, steps=6)
    train(recipe, library, tmp_path / "whole", show_progress=False)
    train(recipe, library, tmp_path / "parts", max_steps=3, show_progress=False)
    result = train(recipe, library, tmp_path / "parts", show_progress=False)
    assert result.steps == 6
    whole, _ = load_weights(tmp_path / "whole" / WEIGHTS_FILE)
    parts, _ = load_weights(tmp_path / "parts" / WEIGHTS_FILE)
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(parts.state_dict()[name], value, rtol=1e-3, atol=1e-3, msg=name)


def test_a_killed_run_goes_on_from_its_checkpoint(library: Library, tiny_recipe: Recipe, tmp_path: Path) -> None:
    recipe = _with(tiny_recipe, steps=100_000, checkpoint_every_s=0.5)
    (tmp_path / "input.pickle").write_bytes(pickle.dumps((library, recipe)))
    folder = tmp_path / "run"
    command = [sys.executable, "-c", RUN, str(tmp_path / "input.pickle"), str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline_s = time.monotonic() + 120
    while not (folder / "last.ckpt").exists() and time.monotonic() < deadline_s:
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=10)
    done = int(torch.load(folder / "last.ckpt", weights_only=True)["global_step"])
    assert done > 0
    result = train(recipe, library, folder, max_steps=done + 2, show_progress=False)
    assert result.steps == done + 2


@pytest.mark.shared_data
def test_the_train_command_reads_renders_trains_and_saves(shared_data: Path, tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("wrinkle")), "train", "tiny-unetpp", "--max-steps", "2"]
    folder = tmp_path / "run"
    subprocess.run([*command, "--data", str(shared_data), "--out", str(folder)], check=True, timeout=280)
    network, recipe = load_weights(folder / WEIGHTS_FILE)
    assert recipe.segmenter == "unetpp"
    assert network(torch.zeros((1, 3, 64, 64), dtype=torch.uint8)).shape == (1, 64, 64)


def test_a_folder_of_another_recipe_is_refused(library: Library, tiny_recipe: Recipe, tmp_path: Path) -> None:
    train(_with(tiny_recipe, steps=1), library, tmp_path, show_progress=False)
    with pytest.raises(ArtifactError, match="another recipe"):
        train(_with(tiny_recipe, steps=2), library, tmp_path, show_progress=False)


def test_saved_weights_name_their_recipe(library: Library, tiny_recipe: Recipe, tmp_path: Path) -> None:
    recipe = _with(tiny_recipe, steps=1)
    result = train(recipe, library, tmp_path, show_progress=False)
    _, read = load_weights(result.weights)
    assert read == recipe


def test_a_file_that_is_no_safetensors_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.safetensors"
    path.write_bytes(b"not weights")
    with pytest.raises(ArtifactError, match=r"broken\.safetensors"):
        load_weights(path)
