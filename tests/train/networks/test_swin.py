from __future__ import annotations

import re
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models.swin_transformer import SwinTransformer  # type: ignore[import-untyped]

from wrinkle_core.errors import ArtifactError, ContractError, InvalidParameterError
from wrinkle_train.networks.simmim import MASKED_PATCH_PX, MaskedSwin, masked_l1, random_patch_mask
from wrinkle_train.networks.swin_unetr import SwinUNETR2d, parameters_without_position_tables
from wrinkle_train.networks.swin_weights import load_swin_imagenet

BIAS_TABLE = "layers1.0.blocks.0.attn.relative_position_bias_table"
MERGE_NORM = re.compile(r"downsample\.norm|^features\.[246]\.norm")
EMBEDDING_TENSORS, BLOCK_TENSORS, MERGE_TENSORS = 2, 13, 3


def _tiny() -> SwinUNETR2d:
    return SwinUNETR2d(feature_size=12, window=4)


@pytest.mark.parametrize(
    ("in_channels", "parameters", "printed"), [(3, 25_239_980, 25_153_490), (4, 25_241_228, 25_154_738)]
)
def test_swin_unetr_has_the_papers_parameter_count(in_channels: int, parameters: int, printed: int) -> None:
    network = SwinUNETR2d(in_channels)
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert parameters_without_position_tables(network) == printed


def test_swin_unetr_of_the_imagenet_row_has_100557218_parameters_without_tables() -> None:
    assert parameters_without_position_tables(SwinUNETR2d(feature_size=96)) == 100_557_218


@pytest.mark.parametrize("sides", [(64, 128), (128, 128), (192, 64), (256, 192)])
def test_sides_of_64_px_steps_train(sides: tuple[int, int]) -> None:
    logits = _tiny().train()(torch.randn(1, 3, *sides))
    logits.sum().backward()
    assert logits.shape == (1, 2, *sides)


@pytest.mark.parametrize("sides", [(64, 64), (96, 128), (128, 100)])
def test_sides_that_cannot_train_are_refused(sides: tuple[int, int]) -> None:
    with pytest.raises(ContractError, match="divisible by 64"):
        _tiny()(torch.zeros(1, 3, *sides))


def test_recomputing_attention_changes_no_answer() -> None:
    plain, thrifty = _tiny(), SwinUNETR2d(feature_size=12, window=4, checkpointed=True)
    thrifty.load_state_dict(plain.state_dict())
    image = torch.randn(1, 3, 128, 128)
    torch.testing.assert_close(thrifty(image), plain(image))


@pytest.mark.parametrize("layout", ["torchvision", "timm"])
@pytest.mark.parametrize("in_channels", [3, 4])
def test_a_swin_classifier_fills_the_encoder_tensor_by_tensor(tmp_path: Path, layout: str, in_channels: int) -> None:
    path = _saved(_classifier(layout), tmp_path)
    network = SwinUNETR2d(in_channels, feature_size=12)
    assert load_swin_imagenet(network, path) == EMBEDDING_TENSORS + 4 * 2 * BLOCK_TENSORS + 3 * MERGE_TENSORS
    assert not network.swinViT.patch_embed.proj.weight[:, 3:].any()


def test_both_layouts_of_one_classifier_give_one_encoder(tmp_path: Path) -> None:
    ours, theirs = _classifier("torchvision"), _classifier("timm")
    with torch.no_grad():
        for one, other in zip(_in_depth_order(ours), _in_depth_order(theirs), strict=True):
            other.copy_(one)
    encoders = []
    for folder, model in (("ours", ours), ("theirs", theirs)):
        (tmp_path / folder).mkdir()
        network = SwinUNETR2d(feature_size=12)
        load_swin_imagenet(network, _saved(model, tmp_path / folder))
        encoders.append(network.swinViT.state_dict())
    for name, value in encoders[0].items():
        if "layers4.0.downsample" not in name:
            torch.testing.assert_close(encoders[1][name], value, msg=name)


def test_a_position_table_of_another_window_keeps_its_centre_and_its_mean(tmp_path: Path) -> None:
    classifier = _classifier("torchvision")
    table = classifier.state_dict()["features.1.0.attn.relative_position_bias_table"]
    offset = torch.arange(-6.0, 7.0)
    with torch.no_grad():
        table.copy_(torch.hypot(offset[:, None], offset[None, :]).reshape(-1, 1))
    network = SwinUNETR2d(feature_size=12)
    load_swin_imagenet(network, _saved(classifier, tmp_path))
    resized = network.swinViT.state_dict()[BIAS_TABLE][:, 0]
    assert int(resized.argmin()) == 31 * 31 // 2
    assert float(resized.mean()) == pytest.approx(float(table.mean()), rel=0.05)


def test_swin_weights_of_another_width_are_refused(tmp_path: Path) -> None:
    path = _saved(_classifier("torchvision"), tmp_path)
    with pytest.raises(ArtifactError, match=r"swin\.safetensors does not fit SwinUNETR: patch_embed.*12"):
        load_swin_imagenet(SwinUNETR2d(feature_size=24), path)


@pytest.mark.parametrize(("side_px", "count"), [(1024, 615), (128, 10)])
def test_sixty_percent_of_the_patches_are_masked_rounded_up(side_px: int, count: int) -> None:
    masked = random_patch_mask(3, side_px, side_px)
    assert masked.shape == (3, side_px // MASKED_PATCH_PX, side_px // MASKED_PATCH_PX)
    assert masked.sum(dim=(1, 2)).tolist() == [count] * 3


def test_the_same_generator_masks_the_same_patches() -> None:
    first, second = (random_patch_mask(2, 256, 256, generator=torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize(("side_px", "share"), [(100, 0.6), (128, 0.0), (128, 1.0)])
def test_a_mask_that_cannot_be_drawn_is_refused(side_px: int, share: float) -> None:
    with pytest.raises(InvalidParameterError, match="Masking takes"):
        random_patch_mask(1, side_px, side_px, share=share)


def test_masked_pixels_do_not_reach_the_encoder() -> None:
    model = MaskedSwin(_tiny().swinViT).eval()
    image = torch.randn(1, 3, 128, 128)
    masked = random_patch_mask(1, 128, 128)
    hidden = masked.repeat_interleave(32, dim=1).repeat_interleave(32, dim=2)[:, None]
    with torch.inference_mode():
        answer = model(image, masked)
        other = model(torch.where(hidden, torch.full_like(image, 9.0), image), masked)
        shown = model(torch.where(hidden, image, torch.full_like(image, 9.0)), masked)
    assert answer.shape == image.shape
    torch.testing.assert_close(other, answer)
    assert not torch.allclose(shown, answer)


def test_only_masked_pixels_cost() -> None:
    image = torch.zeros(1, 3, 64, 64)
    masked = torch.tensor([[[True, False], [False, False]]])
    rebuilt = torch.zeros_like(image)
    rebuilt[..., 32:, :] = 5.0
    assert float(masked_l1(rebuilt, image, masked)) == 0.0
    rebuilt[..., :32, :32] = 2.0
    assert float(masked_l1(rebuilt, image, masked)) == pytest.approx(2.0)


def test_masked_modelling_trains_the_segmentation_networks_own_encoder() -> None:
    network = _tiny()
    model = MaskedSwin(network.swinViT)
    optimiser = torch.optim.AdamW(model.parameters(), lr=4e-3)
    generator = torch.Generator().manual_seed(5)
    image = torch.tensor([0.9, -0.6, 0.4]).view(1, 3, 1, 1).expand(2, 3, 64, 64)
    before = network.swinViT.patch_embed.proj.weight.detach().clone()
    losses = []
    for _ in range(15):
        masked = random_patch_mask(2, 64, 64, generator=generator)
        loss = masked_l1(model(image, masked), image, masked)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])
    assert not torch.equal(network.swinViT.patch_embed.proj.weight, before)


def _classifier(layout: str) -> nn.Module:
    """Return Swin-T's six-block third stage at an eighth of its width."""
    depths, heads = (2, 2, 6, 2), (3, 6, 12, 24)
    if layout == "torchvision":
        model: nn.Module = SwinTransformer([4, 4], 12, list(depths), list(heads), window_size=[7, 7])
        return model
    model = timm.models.SwinTransformer(window_size=7, embed_dim=12, depths=depths, num_heads=heads)
    return model


def _saved(model: nn.Module, folder: Path) -> Path:
    path = folder / "swin.safetensors"
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, path)
    return path


def _in_depth_order(model: nn.Module) -> list[Tensor]:
    """Return the parameters of two implementations of one network in one order: merges apart from the rest."""
    named = dict(model.named_parameters())
    reductions = [value for name, value in named.items() if "reduction" in name]
    norms = [value for name, value in named.items() if MERGE_NORM.search(name)]
    rest = [value for name, value in named.items() if "reduction" not in name and not MERGE_NORM.search(name)]
    return [*reductions, *norms, *rest]
