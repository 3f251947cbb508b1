from __future__ import annotations

from pathlib import Path

import pytest
import segmentation_models_pytorch as smp
import timm
import torch
import torchvision  # type: ignore[import-untyped]
from safetensors.torch import save_file
from torch import nn

from wrinkle_core.errors import ArtifactError, ContractError, InvalidParameterError
from wrinkle_train.networks.encoder_unet import encoder_unet
from wrinkle_train.networks.unetpp import DECODER_CHANNELS, DeepSupervisedUNetPlusPlus, small_unetpp, unetpp

LITE0 = "tu-efficientnet_lite0"


def _parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def _small_unet(in_channels: int, *, imagenet: bool) -> nn.Module:
    return encoder_unet(
        LITE0, in_channels=in_channels, classes=2, decoder_channels=DECODER_CHANNELS, imagenet=imagenet
    ).eval()


@pytest.mark.parametrize(("in_channels", "parameters"), [(3, 32_521_250), (4, 32_524_386)])
def test_unet_on_resnet50_has_the_papers_parameter_count(in_channels: int, parameters: int) -> None:
    assert _parameters(encoder_unet("resnet50", in_channels=in_channels)) == parameters


def test_one_class_makes_the_resnet50_unet_32521105() -> None:
    assert _parameters(encoder_unet("resnet50", classes=1)) == 32_521_105


@pytest.mark.parametrize(("in_channels", "parameters"), [(3, 3_787_298), (4, 3_787_586)])
def test_unet_on_efficientnet_lite0_has_its_parameter_count(in_channels: int, parameters: int) -> None:
    assert _parameters(_small_unet(in_channels, imagenet=False)) == parameters


@pytest.mark.parametrize(("deep_supervision", "parameters"), [(False, 48_457_617), (True, 48_457_812)])
def test_unetpp_on_resnext50_has_the_papers_parameter_count(deep_supervision: bool, parameters: int) -> None:
    assert _parameters(unetpp(deep_supervision=deep_supervision)) == parameters


def test_small_unetpp_has_3974897_parameters() -> None:
    assert _parameters(small_unetpp(imagenet=False)) == 3_974_897


@pytest.mark.parametrize("in_channels", [3, 4])
def test_encoder_unet_answers_at_the_size_of_the_picture(in_channels: int) -> None:
    with torch.inference_mode():
        logits = _small_unet(in_channels, imagenet=False)(torch.zeros(2, in_channels, 64, 96))
    assert logits.shape == (2, 2, 64, 96)


def test_a_fourth_channel_changes_nothing_before_training() -> None:
    three, four = _small_unet(3, imagenet=True), _small_unet(4, imagenet=True)
    four.decoder.load_state_dict(three.decoder.state_dict())  # type: ignore[union-attr]
    four.segmentation_head.load_state_dict(three.segmentation_head.state_dict())  # type: ignore[union-attr]
    image = torch.randn(1, 4, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(four(image), three(image[:, :3]))


def test_deep_supervision_leaves_the_main_answer_as_smp_gives_it() -> None:
    stock = unetpp("resnet18").eval()
    assert isinstance(stock, smp.UnetPlusPlus)
    deep = DeepSupervisedUNetPlusPlus(stock, (256, 128, 64, 32, 16), 1).eval()
    image = torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        torch.testing.assert_close(deep(image), stock(image))


def test_deep_supervision_trains_four_full_size_heads_and_serves_one() -> None:
    network = unetpp(LITE0, decoder_channels=DECODER_CHANNELS, deep_supervision=True)
    image = torch.randn(2, 3, 64, 96)
    heads = network.train()(image)
    assert [head.shape for head in heads] == [(2, 1, 64, 96)] * 4
    assert network.eval()(image).shape == (2, 1, 64, 96)


def test_deep_supervision_refuses_sides_it_cannot_halve() -> None:
    network = unetpp("resnet18", deep_supervision=True)
    with pytest.raises(ContractError, match="divisible by 32"):
        network(torch.zeros(1, 3, 48, 64))


@pytest.mark.parametrize("encoder", ["resnet1", "tu-resnet1", "tu-hf-hub:someone/something"])
def test_an_unknown_encoder_is_refused(encoder: str) -> None:
    with pytest.raises(InvalidParameterError, match="no encoder"):
        encoder_unet(encoder)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_an_encoder_takes_torchvisions_weights_from_a_file(tmp_path: Path, suffix: str) -> None:
    classifier = torchvision.models.resnet18(weights=None)
    path = tmp_path / f"resnet18{suffix}"
    _save(dict(classifier.state_dict()), path)
    network = unetpp("resnet18", imagenet=True, encoder_weights=path)
    for name, value in network.encoder.state_dict().items():  # type: ignore[union-attr]
        torch.testing.assert_close(value, classifier.state_dict()[name])


def test_an_encoder_takes_timms_weights_whose_names_differ_by_a_dot(tmp_path: Path) -> None:
    classifier = timm.create_model("convnext_atto", pretrained=False)
    path = tmp_path / "convnext.safetensors"
    _save(classifier.state_dict(), path)
    network = encoder_unet("tu-convnext_atto", imagenet=True, encoder_weights=path)
    loaded = network.encoder.model.state_dict()["stages_3.blocks.1.mlp.fc2.weight"]  # type: ignore[union-attr]
    torch.testing.assert_close(loaded, classifier.state_dict()["stages.3.blocks.1.mlp.fc2.weight"])


def test_files_older_than_batch_norms_counter_are_taken(tmp_path: Path) -> None:
    weights = torchvision.models.resnet18(weights=None).state_dict()
    path = tmp_path / "old.pth"
    _save({name: value for name, value in weights.items() if "num_batches" not in name}, path)
    encoder_unet("resnet18", imagenet=True, encoder_weights=path)


def test_a_fourth_input_channel_of_a_file_starts_at_zero(tmp_path: Path) -> None:
    weights = torchvision.models.resnet18(weights=None).state_dict()
    _save(weights, tmp_path / "resnet18.safetensors")
    network = encoder_unet("resnet18", in_channels=4, imagenet=True, encoder_weights=tmp_path / "resnet18.safetensors")
    first = network.encoder.conv1.weight  # type: ignore[union-attr]
    torch.testing.assert_close(first[:, :3], weights["conv1.weight"])  # type: ignore[index]
    assert not first[:, 3].any()  # type: ignore[index]


def test_an_absent_weights_file_is_named() -> None:
    with pytest.raises(ArtifactError, match=r"absent\.pth is missing.*put it there"):
        unetpp("resnet18", imagenet=True, encoder_weights=Path("absent.pth"))


def test_weights_of_another_encoder_are_refused_by_tensor(tmp_path: Path) -> None:
    path = tmp_path / "resnet18.safetensors"
    _save(torchvision.models.resnet18(weights=None).state_dict(), path)
    with pytest.raises(ArtifactError, match=r"resnet18\.safetensors does not fit the encoder: layer1\.0\.conv1"):
        encoder_unet("resnet50", imagenet=True, encoder_weights=path)


@pytest.mark.parametrize("name", ["broken.safetensors", "broken.pth"])
def test_a_damaged_weights_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"not weights")
    with pytest.raises(ArtifactError, match=r"broken\..* is unreadable"):
        encoder_unet("resnet18", imagenet=True, encoder_weights=tmp_path / name)


def test_a_checkpoint_that_is_no_state_dict_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.pth"
    torch.save({"epoch": 3}, path)
    with pytest.raises(ArtifactError, match="state dict"):
        encoder_unet("resnet18", imagenet=True, encoder_weights=path)


def test_imagenet_without_a_file_needs_the_packaged_encoder() -> None:
    with pytest.raises(ArtifactError, match="resnet18: name a file"):
        encoder_unet("resnet18", imagenet=True)


def _save(weights: dict[str, torch.Tensor], path: Path) -> None:
    if path.suffix == ".safetensors":
        save_file(weights, path)
    else:
        torch.save(weights, path)
