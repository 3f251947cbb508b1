from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from line_batches import LineBatches
from wrinkle_core.errors import ArtifactError
from wrinkle_train.batches.kinds import PictureBatch
from wrinkle_train.batches.rendered_data import rendered_pretraining_data
from wrinkle_train.batches.training_data import TrainingData
from wrinkle_train.first_weights.initial import WeightFiles, initial_network
from wrinkle_train.fitting.fit import CURVE_FILE, FitLimits
from wrinkle_train.fitting.pretraining import DenoisingModule, pretraining_module
from wrinkle_train.fitting.schedule import RunLength
from wrinkle_train.networks.encoder_weights import imagenet_lite0_weights
from wrinkle_train.networks.registry import build_network
from wrinkle_train.recipe import NetworkRecipe, PretrainingRecipe, PretrainingStage, Recipe, TrainRecipe, load_recipe
from wrinkle_train.recipe_files import find_recipe
from wrinkle_train.recipe_schema.network import SwinRecipe
from wrinkle_train.render.faces import Library
from wrinkle_train.training.train import pretrain
from wrinkle_train.weights_file import load_weights

QUIET = FitLimits(show_progress=False)
SWIN = NetworkRecipe(name="swin_unetr", swin=SwinRecipe(feature_size=12, window=4, depths=(1, 1, 1, 1)))
UNET = NetworkRecipe(name="unet", width=4)


def _recipe(task: str, network: NetworkRecipe, *, steps: int = 40) -> Recipe:
    base = load_recipe(find_recipe("table3-100-unet-none"))
    train = TrainRecipe(steps=steps, batch_size=2, crop_px=128, learning_rate=1e-2, warm_up_steps=0)
    pretraining = PretrainingRecipe.model_validate({"task": task, "train": train})
    return base.model_copy(update={"network": network, "pretraining": pretraining})


def _stage(task: str, network: NetworkRecipe, *, steps: int = 40) -> PretrainingStage:
    stage = _recipe(task, network, steps=steps).pretraining_stage()
    assert stage is not None
    return stage


def _data(task: str, side_px: int) -> TrainingData:
    kind = "texture" if task == "texture" else "pictures"
    return TrainingData(LineBatches(side_px=side_px, task=kind, pictures=2), None, "lines")


@pytest.mark.parametrize(
    ("task", "network"),
    [("texture", UNET), ("denoising", UNET), ("masked", SWIN)],
    ids=["texture", "denoising", "masked"],
)
def test_the_loss_of_each_task_falls(task: str, network: NetworkRecipe, tmp_path: Path) -> None:
    pretrain(_stage(task, network), _data(task, 128 if task == "masked" else 64), tmp_path, limits=QUIET)
    lines = [json.loads(line) for line in (tmp_path / CURVE_FILE).read_text(encoding="utf-8").splitlines()]
    assert lines[-1]["loss"] < 0.9 * lines[0]["loss"]


def test_training_starts_from_what_its_stage_left(tmp_path: Path) -> None:
    recipe = _recipe("texture", UNET.model_copy(update={"in_channels": 4}), steps=2)
    stage = recipe.pretraining_stage()
    assert stage is not None
    left = pretrain(stage, _data("texture", 64), tmp_path, limits=QUIET)
    network, origin = initial_network(recipe, WeightFiles(), left.weights)
    assert "1 widened" in origin
    assert "2 left fresh" in origin
    assert not network.state_dict()["network.stem.0.weight"][:, 3].any()


def test_masked_modelling_trains_the_encoder_and_leaves_the_decoder_alone(tmp_path: Path) -> None:
    stage = _stage("masked", SWIN, steps=2)
    torch.manual_seed(stage.pretraining.train.seed if stage.pretraining.train else 0)
    pretrain(stage, _data("masked", 128), tmp_path, limits=QUIET)
    one = torch.load(tmp_path / "last.ckpt", weights_only=True)["state_dict"]
    pretrain(_stage("masked", SWIN, steps=4), _data("masked", 128), tmp_path / "longer", limits=QUIET)
    two = torch.load(tmp_path / "longer" / "last.ckpt", weights_only=True)["state_dict"]
    decoder, encoder = (
        "network.network.decoder1.conv_block.conv1.conv.weight",
        "network.network.swinViT.patch_embed.proj.weight",
    )
    assert torch.equal(one[decoder], two[decoder])
    assert not torch.equal(one[encoder], two[encoder])


def test_a_stages_weights_are_no_segmenter(tmp_path: Path) -> None:
    left = pretrain(_stage("denoising", UNET, steps=1), _data("denoising", 64), tmp_path, limits=QUIET)
    with pytest.raises(ArtifactError, match="no recipe"):
        load_weights(left.weights)


def test_a_stage_starts_from_the_packaged_encoder_where_its_network_does(tmp_path: Path) -> None:
    network = NetworkRecipe(name="encoder_unet", decoder_channels=(32, 16, 16, 8, 8), imagenet=True)
    stage = _stage("texture", network, steps=1)
    assert stage.pretraining.train is not None
    slow = stage.pretraining.train.model_copy(update={"learning_rate": 1e-9, "ema_decay": None, "weight_decay": 0.0})
    still = stage.model_copy(update={"pretraining": stage.pretraining.model_copy(update={"train": slow})})
    left = pretrain(still, _data("texture", 64), tmp_path, limits=QUIET)
    known, name = imagenet_lite0_weights()["_conv_stem.weight"], "network.encoder.model.conv_stem.weight"
    torch.testing.assert_close(load_file(left.weights)[name].float(), known, rtol=1e-3, atol=1e-3)


def test_the_network_sees_the_noise_it_must_predict_mixed_in_at_constant_variance() -> None:
    stage = _stage("denoising", UNET)
    module = pretraining_module(stage, build_network(stage.network), RunLength(40))
    batch = LineBatches(task="pictures").batch(0)
    assert isinstance(batch, PictureBatch)
    seen: list[torch.Tensor] = []
    module.network.network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    module.batch_loss(5, batch)
    pictures = module.network.normalise(batch.pixels)
    noise = torch.randn(pictures.shape, generator=module.generator(5))
    sigma = stage.pretraining.noise_sigma
    torch.testing.assert_close(seen[0] * (1 + sigma**2) ** 0.5 - sigma * noise, pictures)


def test_noise_repeats_by_batch_number() -> None:
    stage = _stage("denoising", UNET)
    module = pretraining_module(stage, build_network(stage.network), RunLength(40))
    assert isinstance(module, DenoisingModule)
    batch = LineBatches(task="pictures").batch(0)
    assert isinstance(batch, PictureBatch)
    noises = [torch.randn(2, 3, generator=module.generator(number)) for number in (5, 5, 6)]
    assert torch.equal(noises[0], noises[1])
    assert not torch.equal(noises[0], noises[2])
    module.eval()
    assert float(module.batch_loss(5, batch).detach()) == float(module.batch_loss(5, batch).detach())


def test_rendered_crops_for_the_texture_stage_are_unmasked_with_masked_maps(library: Library) -> None:
    stage = _stage("texture", UNET).model_copy(update={"segmenter": "unet_texture"})
    assert stage.pretraining.train is not None
    batch = rendered_pretraining_data(library, stage).source.batch(0)
    assert batch.pixels.shape == (2, 3, 128, 128)
    assert batch.texture.shape == (2, 128, 128)
    outside = batch.texture == 0
    assert batch.pixels.amax(dim=1)[outside].float().mean() > 10
