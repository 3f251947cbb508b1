from __future__ import annotations

import numpy as np
import pytest
import timm
import torch
from matplotlib.cbook import get_sample_data
from PIL import Image
from torch import nn

from wrinkle_train.networks.deployable import IMAGENET_MEAN, IMAGENET_STD, Deployable, Normalise
from wrinkle_train.networks.unet import UNet
from wrinkle_train.networks.unetpp import imagenet_lite0_weights, load_imagenet_encoder, small_unetpp

MILITARY_UNIFORM = 652


@pytest.mark.parametrize(("in_channels", "parameters"), [(3, 17_263_042), (4, 17_263_618)])
def test_unet_of_width_64_has_the_papers_parameter_count(in_channels: int, parameters: int) -> None:
    network = UNet(in_channels, classes=2, width=64)
    assert sum(p.numel() for p in network.parameters()) == parameters


@pytest.mark.parametrize("network", [UNet(3, 2, width=4), small_unetpp(imagenet=False)], ids=["unet", "unetpp"])
def test_logits_have_the_size_of_the_picture(network: nn.Module) -> None:
    with torch.inference_mode():
        assert network.eval()(torch.zeros(2, 3, 64, 96)).shape[-2:] == (64, 96)


def test_every_encoder_tensor_has_an_imagenet_counterpart() -> None:
    encoder = small_unetpp(imagenet=False).encoder
    assert isinstance(encoder, nn.Module)
    assert load_imagenet_encoder(encoder) == 288


def test_encoder_with_imagenet_weights_sees_a_military_uniform_on_grace_hopper() -> None:
    classifier = timm.create_model("efficientnet_lite0", pretrained=False)
    encoder = small_unetpp(imagenet=True).encoder
    assert isinstance(encoder, nn.Module)
    weights = list(imagenet_lite0_weights().items())
    known = {name.removeprefix("model."): value for name, value in encoder.state_dict().items()}
    rest = iter([value for _, value in weights[len(known) :]])
    state = {name: known[name] if name in known else next(rest) for name in classifier.state_dict()}
    classifier.load_state_dict(state)
    for module in classifier.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-3
    picture = Image.open(get_sample_data("grace_hopper.jpg", asfileobj=False)).convert("RGB")
    square = picture.resize((224, 224), Image.Resampling.BILINEAR)
    pixels = (np.asarray(square, np.float32) - 127) / 128  # what these weights were trained with
    with torch.inference_mode():
        logits = classifier.eval()(torch.from_numpy(pixels.transpose(2, 0, 1)[None]))
    assert int(logits.argmax()) == MILITARY_UNIFORM


def test_normalisation_of_imagenet_networks_matches_its_definition() -> None:
    pixels = torch.randint(0, 256, (1, 3, 4, 4), dtype=torch.uint8)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    torch.testing.assert_close(Normalise("imagenet", 3)(pixels), (pixels / 255 - mean) / std)


def test_signed_normalisation_sends_black_to_minus_one_even_on_an_all_black_plane() -> None:
    assert torch.all(Normalise("signed", 4)(torch.zeros(1, 4, 2, 2, dtype=torch.uint8)) == -1)


def test_two_class_probability_is_the_softmax_of_the_wrinkle_class() -> None:
    network = Deployable(UNet(4, 2, width=4), Normalise("signed", 4)).eval()
    pixels = torch.randint(0, 256, (1, 4, 32, 32), dtype=torch.uint8)
    with torch.inference_mode():
        softmax = torch.softmax(network.network(network.normalise(pixels)), dim=1)[:, 1]
        torch.testing.assert_close(network.probability(pixels), softmax)


def test_served_probability_is_rounded_and_not_cut_off() -> None:
    network = Deployable(UNet(3, 2, width=4), Normalise("signed", 3)).eval()
    pixels = torch.randint(0, 256, (1, 3, 32, 32), dtype=torch.uint8)
    with torch.inference_mode():
        exact, served = network.probability(pixels) * 255, network(pixels)
    assert served.dtype == torch.uint8
    assert float((served - exact).abs().max()) <= 0.5 + 1e-4
