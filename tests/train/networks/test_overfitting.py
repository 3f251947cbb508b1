"""Every network family, at a small size, learns four pictures by heart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from wrinkle_train.losses import CombinedLoss, WdsLoss
from wrinkle_train.networks.deployable import wrinkle_logit
from wrinkle_train.networks.encoder_unet import encoder_unet
from wrinkle_train.networks.striped_wrinet import StripedWriNet
from wrinkle_train.networks.swin_unetr import SwinUNETR2d
from wrinkle_train.networks.unet import UNet
from wrinkle_train.networks.unetpp import unetpp
from wrinkle_train.networks.wds_unet import WdsUNet
from wrinkle_train.scores.pixel_metrics import count_pixels, score_set

GOAL_F1 = 0.95
MOST_STEPS = 200
LOOK_EVERY = 10
NARROW = (32, 16, 16, 8, 8)
DICE_FOCAL = CombinedLoss.from_name("dice+focal")
SOFT_DICE = CombinedLoss.from_name("soft_dice")
LITE0 = "tu-efficientnet_lite0"
MOBILE = "tu-mobilenetv3_small_050"


class Family(NamedTuple):
    """One family at a small size."""

    build: Callable[[], nn.Module]
    loss: Callable[[Tensor | Sequence[Tensor], Tensor, Tensor], Tensor]
    channels: int = 3
    side_px: int = 64


QUICK = ("unet", "unetpp", "swin_unetr")  # the others take minutes together and run with -m slow
FAMILIES = {
    "unet": Family(lambda: UNet(3, 2, width=8), SOFT_DICE),
    "encoder_unet": Family(lambda: encoder_unet(LITE0, in_channels=4, decoder_channels=NARROW), SOFT_DICE, channels=4),
    "unetpp": Family(lambda: unetpp(MOBILE, decoder_channels=NARROW), DICE_FOCAL),
    "unetpp_supervised": Family(lambda: unetpp(MOBILE, decoder_channels=NARROW, deep_supervision=True), DICE_FOCAL),
    "wds_unet": Family(lambda: WdsUNet(4, 2, width=8), WdsLoss(), channels=4),
    "striped_wrinet": Family(lambda: StripedWriNet(3, 2, base=8), SOFT_DICE),
    "swin_unetr": Family(lambda: SwinUNETR2d(3, 2, feature_size=12, window=4), SOFT_DICE, side_px=128),
}


def _four_pictures(channels: int, side_px: int) -> tuple[Tensor, Tensor]:
    """Return (4, channels, S, S) noisy skin with dark curves in [-1, 1], and the (4, S, S) curves."""
    rng = np.random.default_rng(11)
    images, labels = [], []
    for _ in range(4):
        label = np.zeros((side_px, side_px), np.uint8)
        for _ in range(2):
            points = rng.uniform(0.1, 0.9, (3, 2)) * side_px
            cv2.polylines(label, [points.astype(np.int32)], False, (1,), 3)
        shade = 0.4 - 0.5 * label + rng.normal(0, 0.08, label.shape)
        images.append(np.repeat(shade[np.newaxis], channels, axis=0))
        labels.append(label)
    return torch.from_numpy(np.stack(images)).float(), torch.from_numpy(np.stack(labels)).float()


@pytest.mark.parametrize(
    "family", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in FAMILIES]
)
def test_a_small_network_learns_four_pictures_by_heart(family: str) -> None:
    small = FAMILIES[family]
    torch.manual_seed(3)
    network = small.build()
    images, labels = _four_pictures(small.channels, small.side_px)
    for step in _trained(network, images, labels, small):
        if step % LOOK_EVERY == 0 and _mean_f1(network, images, labels) > GOAL_F1:
            return
    pytest.fail(f"F1 is {_mean_f1(network, images, labels):.3f} after {MOST_STEPS} steps")


def _trained(network: nn.Module, images: Tensor, labels: Tensor, small: Family) -> Iterator[int]:
    """Take optimisation steps, and yield their number after each."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    everywhere = torch.ones_like(labels)
    for step in range(1, MOST_STEPS + 1):
        value = small.loss(network.train()(images), labels, everywhere)
        optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        yield step


def _mean_f1(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    with torch.inference_mode():
        marked = (wrinkle_logit(network.eval()(images)) > 0).numpy().astype(np.uint8)
    truth = labels.numpy().astype(np.uint8)
    counts = [count_pixels(one, other) for one, other in zip(marked, truth, strict=True)]
    return score_set([str(number) for number in range(len(counts))], counts).mean.f1
