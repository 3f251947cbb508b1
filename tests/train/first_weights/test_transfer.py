from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from wrinkle_core.errors import ArtifactError
from wrinkle_train.first_weights.initial import WeightFiles, initial_network
from wrinkle_train.first_weights.transfer import load_initial_weights, transfer
from wrinkle_train.networks.registry import build_network
from wrinkle_train.networks.swin_unetr import SwinUNETR2d
from wrinkle_train.networks.swin_weights import load_swin_imagenet
from wrinkle_train.networks.unet import UNet
from wrinkle_train.recipe import NetworkRecipe, Recipe, load_recipe
from wrinkle_train.recipe_files import find_recipe
from wrinkle_train.recipe_schema.network import SwinRecipe
from wrinkle_train.training.scale import scaled
from wrinkle_train.weights_file import save_weights

SMALL_SWIN = SwinRecipe(feature_size=12, window=4, depths=(1, 1, 1, 1))


def _before_head(network: nn.Module, head: nn.Module, image: Tensor) -> Tensor:
    """Return what the last layer is given."""
    seen: list[Tensor] = []
    hook = head.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    with torch.inference_mode():
        network.eval()(image)
    hook.remove()
    return seen[0]


def _pair(name: str) -> tuple[nn.Module, nn.Module, nn.Module, nn.Module]:
    """Return a stage-1 network, its head, a stage-2 network with four channels, its head."""
    if name == "unet":
        first, second = UNet(3, 1, width=4), UNet(4, 2, width=4)
        return first, first.head, second, second.head
    settings = {"feature_size": 12, "window": 4, "depths": (1, 1, 1, 1)}
    one, two = SwinUNETR2d(3, 1, **settings), SwinUNETR2d(4, 2, **settings)  # type: ignore[arg-type]
    return one, one.out, two, two.out


@pytest.mark.parametrize("name", ["unet", "swin"])
def test_stage_2_starts_exactly_at_the_function_of_stage_1_whatever_the_fourth_channel_says(name: str) -> None:
    first, first_head, second, second_head = _pair(name)
    result = transfer(first.state_dict(), second)
    image = torch.rand(1, 3, 128, 128)
    with_texture = torch.cat([image, torch.rand(1, 1, 128, 128)], dim=1)
    torch.testing.assert_close(
        _before_head(second, second_head, with_texture), _before_head(first, first_head, image), rtol=1e-5, atol=1e-5
    )
    assert result.widened == (1 if name == "unet" else 3)  # Swin: patch embedding, encoder1's conv1 and conv3
    assert result.fresh == 2  # the head's weight and bias


def test_the_fourth_slice_is_zero_and_the_others_are_copied() -> None:
    first, _, second, _ = _pair("unet")
    transfer(first.state_dict(), second)
    old, new = first.state_dict()["stem.0.weight"], second.state_dict()["stem.0.weight"]
    assert torch.equal(new[:, :3], old)
    assert not new[:, 3].any()


def test_the_head_stays_fresh() -> None:
    first, _, second, head = _pair("unet")
    assert isinstance(head, nn.Conv2d)
    before = head.weight.clone()
    transfer(first.state_dict(), second)
    assert torch.equal(head.weight, before)


def test_initial_weights_come_from_a_file_that_training_wrote(tmp_path: Path) -> None:
    recipe = _recipe(NetworkRecipe(name="unet", width=4, imagenet=False))
    source = build_network(recipe.network)
    path = save_weights(source, recipe, tmp_path / "first.safetensors")
    network, origin = initial_network(recipe, WeightFiles(initial=path), None)
    assert torch.equal(network.state_dict()["network.head.weight"], source.state_dict()["network.head.weight"].half())
    assert "first.safetensors" in origin
    assert "0 left fresh" in origin


def test_initial_weights_take_the_place_of_an_imagenet_file(tmp_path: Path) -> None:
    recipe = load_recipe(find_recipe("table3-100-unet-resnet50"))
    small = recipe.network.model_copy(update={"encoder": "tu-mobilenetv3_small_050"})
    recipe = recipe.model_copy(update={"network": small})
    path = save_weights(build_network(small), recipe, tmp_path / "first.safetensors")
    _, origin = initial_network(recipe, WeightFiles(initial=path), None)
    assert "0 left fresh" in origin


def test_weights_that_fit_nowhere_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"network.elsewhere.weight": torch.zeros(3, 3)}, path)
    with pytest.raises(ArtifactError, match=r"No tensor of other\.safetensors fits"):
        load_initial_weights(path, UNet(3, 2, width=4))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"gone\.safetensors"):
        load_initial_weights(tmp_path / "gone.safetensors", UNet(3, 2, width=4))


@pytest.mark.parametrize("name", ["table1-ours", "table3-100-unet-resnet50", "table3-100-swin-imagenet"])
def test_an_imagenet_row_without_its_file_is_an_error_at_full_scale(name: str) -> None:
    recipe = load_recipe(find_recipe(name))
    if recipe.network.name == "swin_unetr":
        recipe = recipe.model_copy(update={"network": recipe.network.model_copy(update={"swin": SMALL_SWIN})})
    with pytest.raises(ArtifactError, match="--weights"):
        initial_network(recipe, WeightFiles(), None)


def test_a_missing_imagenet_file_is_named(tmp_path: Path) -> None:
    recipe = load_recipe(find_recipe("table3-100-unet-resnet50"))
    with pytest.raises(ArtifactError, match=r"resnet50\.pth"):
        initial_network(recipe, WeightFiles(imagenet=tmp_path / "resnet50.pth"), None)


def test_a_recipe_without_imagenet_refuses_such_a_file(tmp_path: Path) -> None:
    recipe = _recipe(NetworkRecipe(name="unet", width=4, imagenet=False))
    with pytest.raises(ArtifactError, match="takes no ImageNet weights"):
        initial_network(recipe, WeightFiles(imagenet=tmp_path / "some.pth"), None)


def test_a_small_imagenet_row_takes_the_packaged_encoder() -> None:
    recipe = scaled(load_recipe(find_recipe("table3-100-unet-resnet50")), "rendered-small")
    _, origin = initial_network(recipe, WeightFiles(), None)
    assert origin == "ImageNet encoder from its package."


def test_a_small_swin_row_without_a_file_says_that_it_is_random() -> None:
    recipe = scaled(load_recipe(find_recipe("table3-100-swin-imagenet")), "rendered-small")
    _, origin = initial_network(recipe, WeightFiles(), None)
    assert origin.startswith("Random: no file")


@pytest.mark.parametrize("nested", [False, True], ids=["timm's layout", "the authors' layout"])
def test_swin_weights_load_by_their_published_names(nested: bool, tmp_path: Path) -> None:
    source = timm.create_model(
        "swin_tiny_patch4_window7_224", pretrained=False, embed_dim=12, depths=(1, 1, 1, 1), num_heads=(3, 6, 12, 24)
    ).state_dict()
    if nested:  # merging at the end of a stage, tensors under "model"
        source = {_authors_name(name): value for name, value in source.items()}
    path = tmp_path / "swin.pth"
    torch.save({"model": source} if nested else source, path)
    network = SwinUNETR2d(3, 2, feature_size=12, depths=(1, 1, 1, 1), window=4)
    load_swin_imagenet(network, path)
    state = network.state_dict()
    assert torch.equal(state["swinViT.patch_embed.proj.weight"], source["patch_embed.proj.weight"])
    assert torch.equal(
        state["swinViT.layers3.0.blocks.0.mlp.linear1.weight"], source["layers.2.blocks.0.mlp.fc1.weight"]
    )
    merge = "layers.0.downsample.reduction.weight" if nested else "layers.1.downsample.reduction.weight"
    assert torch.equal(state["swinViT.layers1.0.downsample.reduction.weight"], source[merge])


def _authors_name(name: str) -> str:
    for stage in (1, 2, 3):
        if name.startswith(f"layers.{stage}.downsample."):
            return name.replace(f"layers.{stage}.", f"layers.{stage - 1}.")
    return name


def _recipe(network: NetworkRecipe) -> Recipe:
    return load_recipe(find_recipe("table3-100-unet-none")).model_copy(update={"network": network})
