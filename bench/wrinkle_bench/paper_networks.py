"""Every network of the recipes at the resolution of its paper, with the loss it is trained with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from wrinkle_train.losses import CombinedLoss, WdsLoss
from wrinkle_train.networks.encoder_unet import encoder_unet
from wrinkle_train.networks.striped_wrinet import StripedWriNet
from wrinkle_train.networks.swin_unetr import SwinUNETR2d
from wrinkle_train.networks.unet import UNet
from wrinkle_train.networks.unetpp import DECODER_CHANNELS, small_unetpp, unetpp
from wrinkle_train.networks.wds_unet import WdsUNet

__all__ = ["PAPER_NETWORKS", "PaperNetwork", "forward", "training_step"]

_WRINKLE_SHARE: Final = 0.0142  # of the pixels, as the papers' scores imply
_LEARNING_RATE: Final = 1e-4


@dataclass(frozen=True, slots=True)
class PaperNetwork:
    """One network as a recipe trains it.

    Attributes:
        name: Short name.
        rows: The rows of the papers' tables it belongs to.
        input_px: Side of the square input.
        in_channels: 3 or 4.
        build: Makes it, randomly initialised.
        loss: What its training step minimises.
    """

    name: str
    rows: str
    input_px: int
    in_channels: int
    build: Callable[[], nn.Module]
    loss: Callable[[Tensor | Sequence[Tensor], Tensor, Tensor], Tensor]


_PAPER1: Final = CombinedLoss.from_name("dice+focal")
_PAPER2: Final = CombinedLoss.from_name("soft_dice")
_LITE0: Final = "tu-efficientnet_lite0"

PAPER_NETWORKS: Final = (
    PaperNetwork("U-Net", "tables 3 and 4", 1024, 3, lambda: UNet(3, 2), _PAPER2),
    PaperNetwork("U-Net, 4 channels", "tables 3 and 4", 1024, 4, lambda: UNet(4, 2), _PAPER2),
    PaperNetwork("U-Net, WDS", "table 3", 1024, 4, WdsUNet, WdsLoss()),
    PaperNetwork("U-Net ResNet-50", "table 3", 1024, 3, lambda: encoder_unet("resnet50"), _PAPER2),
    PaperNetwork("SwinUNETR 48", "table 3", 1024, 3, SwinUNETR2d, _PAPER2),
    PaperNetwork("SwinUNETR 48, 4 channels", "table 3", 1024, 4, lambda: SwinUNETR2d(4), _PAPER2),
    PaperNetwork("SwinUNETR 96", "table 3", 1024, 3, lambda: SwinUNETR2d(feature_size=96), _PAPER2),
    PaperNetwork("Striped WriNet", "table 3", 1024, 3, StripedWriNet, _PAPER2),
    PaperNetwork("UNet++ ResNeXt-50", "tables 1 and 2", 512, 3, unetpp, _PAPER1),
    PaperNetwork(
        "UNet++ ResNeXt-50, deep supervision", "tables 1 and 2", 512, 3, lambda: unetpp(deep_supervision=True), _PAPER1
    ),
    PaperNetwork("UNet++ Lite0", "ours, small", 512, 3, lambda: small_unetpp(imagenet=False), _PAPER1),
    PaperNetwork(
        "U-Net Lite0, 4 channels",
        "ours, small",
        1024,
        4,
        lambda: encoder_unet(_LITE0, in_channels=4, decoder_channels=DECODER_CHANNELS),
        _PAPER2,
    ),
)


def forward(case: PaperNetwork, network: nn.Module) -> Tensor:
    """Return the logits of one random image, batch 1, as served."""
    with torch.inference_mode():
        logits: Tensor = network.eval()(_image(case))
    return logits


def training_step(case: PaperNetwork, network: nn.Module) -> float:
    """Take one AdamW step on a random image, batch 1, and return the loss before it.

    Args:
        case: What ``network`` is.
        network: Changed.
    """
    optimiser = torch.optim.AdamW(network.parameters(), lr=_LEARNING_RATE)
    side = case.input_px
    wrinkle = (torch.rand(1, side, side, generator=torch.Generator().manual_seed(2)) < _WRINKLE_SHARE).float()
    loss = case.loss(network.train()(_image(case)), wrinkle, torch.ones_like(wrinkle))
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    return float(loss.detach())


def _image(case: PaperNetwork) -> Tensor:
    shape = (1, case.in_channels, case.input_px, case.input_px)
    return torch.rand(shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
