from __future__ import annotations

import numpy as np
import pytest
import timm
import torch
from matplotlib.cbook import get_sample_data
from PIL import Image
from torch import nn
from torch.nn import functional

from wrinkle_core.errors import ContractError
from wrinkle_train.networks.deployable import IMAGENET_MEAN, IMAGENET_STD, Deployable, Normalise
from wrinkle_train.networks.encoder_weights import imagenet_lite0_weights, load_imagenet_encoder
from wrinkle_train.networks.striped_wrinet import GlobalStripedAttention, MultiScaleStripedGate, StripedWriNet
from wrinkle_train.networks.unet import UNet
from wrinkle_train.networks.unetpp import small_unetpp
from wrinkle_train.networks.wds_unet import WdsUNet

MILITARY_UNIFORM = 652


def _parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("in_channels", "classes", "parameters"),
    [(3, 2, 17_263_042), (4, 2, 17_263_618), (3, 1, 17_262_977), (3, 3, 17_263_107)],
)
def test_unet_of_width_64_has_the_papers_parameter_count(in_channels: int, classes: int, parameters: int) -> None:
    assert _parameters(UNet(in_channels, classes, width=64)) == parameters


def test_unet_for_weighted_deep_supervision_has_the_papers_parameter_count() -> None:
    assert _parameters(WdsUNet()) == 17_268_936


@pytest.mark.parametrize(("in_channels", "parameters"), [(3, 6_222_530), (4, 6_222_746)])
def test_striped_wrinet_has_the_papers_parameter_count(in_channels: int, parameters: int) -> None:
    assert _parameters(StripedWriNet(in_channels)) == parameters


@pytest.mark.parametrize(
    "network",
    [UNet(3, 2, width=4), small_unetpp(imagenet=False), WdsUNet(3, 2, width=4), StripedWriNet(3, 2, base=4)],
    ids=["unet", "unetpp", "wds", "striped"],
)
def test_logits_have_the_size_of_the_picture(network: nn.Module) -> None:
    with torch.inference_mode():
        assert network.eval()(torch.zeros(2, 3, 64, 96)).shape[-2:] == (64, 96)


@pytest.mark.parametrize("network", [UNet(3, 2, width=4), WdsUNet(3, 2, width=4), StripedWriNet(3, 2, base=4)])
def test_sides_that_cannot_be_halved_four_times_are_refused(network: nn.Module) -> None:
    with pytest.raises(ContractError, match="divisible by 16"):
        network(torch.zeros(1, 3, 64, 72))


def test_a_denoising_unet_answers_with_three_channels() -> None:
    assert UNet(3, classes=3, width=4)(torch.zeros(1, 3, 32, 32)).shape == (1, 3, 32, 32)


def test_weighted_deep_supervision_trains_four_full_size_heads_and_serves_the_finest() -> None:
    network = WdsUNet(4, 2, width=4)
    image = torch.randn(2, 4, 32, 48)
    assert [head.shape for head in network.train()(image)] == [(2, 2, 32, 48)] * 4
    with torch.inference_mode():
        torch.testing.assert_close(network.eval()(image), network.unet(image))


def test_a_head_before_the_enlargement_is_a_head_after_it() -> None:
    head, features = nn.Conv2d(8, 2, 1), torch.randn(1, 8, 5, 6)

    def enlarged(values: torch.Tensor) -> torch.Tensor:
        return functional.interpolate(values, size=(20, 24), mode="bilinear", align_corners=True)

    torch.testing.assert_close(enlarged(head(features)), head(enlarged(features)))


def test_a_striped_gate_only_ever_weakens() -> None:
    features = torch.randn(1, 6, 20, 24)
    with torch.inference_mode():
        share = MultiScaleStripedGate(6)(features) / features
    assert float(share.min()) > 0
    assert float(share.max()) < 1
    torch.testing.assert_close(share.amax(dim=1), share.amin(dim=1), rtol=1e-3, atol=1e-5)


def test_global_striped_attention_lets_every_pixel_see_the_whole_picture() -> None:
    attention = GlobalStripedAttention((4, 8), 6)
    skips = [torch.randn(1, 4, 16, 24), torch.randn(1, 8, 8, 12)]
    skips[0].requires_grad_()
    attention(skips)[0, :, 0, 0].sum().backward()
    reached = skips[0].grad
    assert reached is not None
    assert bool((reached[0].abs().sum(dim=0).sum(dim=0) > 0).all())


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
