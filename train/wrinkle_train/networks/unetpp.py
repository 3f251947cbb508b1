"""UNet++ on an encoder of segmentation_models_pytorch, with or without deep supervision.

Source: Zhou et al., arXiv:1807.10165, through segmentation_models_pytorch; methods.md section 2. With
``resnext50_32x4d`` it has 48,457,617 parameters, which the UNet++ wrinkle paper trains at 512 px.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import segmentation_models_pytorch as smp
import torch
import torch.nn.functional as F  # noqa: N812
from segmentation_models_pytorch.decoders.unetplusplus.decoder import UnetPlusPlusDecoder
from torch import Tensor, nn

from wrinkle_train.networks.encoder_weights import LITE0_ENCODER
from wrinkle_train.networks.input_sides import require_sides
from wrinkle_train.networks.smp_networks import SMP_DECODER_CHANNELS, smp_network

__all__ = ["DECODER_CHANNELS", "DeepSupervisedUNetPlusPlus", "small_unetpp", "unetpp"]

DECODER_CHANNELS: Final = (128, 64, 32, 16, 16)
_SUPERVISED_NODES: Final = ("x_3_3", "x_2_3", "x_1_3")  # the paper's X^{0,1}, X^{0,2}, X^{0,3}, all at half size
_STRIDE: Final = 32


def unetpp(
    encoder: str = "resnext50_32x4d",
    *,
    in_channels: int = 3,
    classes: int = 1,
    decoder_channels: Sequence[int] = SMP_DECODER_CHANNELS,
    deep_supervision: bool = False,
    imagenet: bool = False,
    encoder_weights: Path | None = None,
) -> nn.Module:
    """Return UNet++; other arguments, shapes and errors as in ``smp_network``.

    Args:
        encoder: As there.
        in_channels: As there.
        classes: As there.
        decoder_channels: As there.
        deep_supervision: Add three heads; in training mode the network then returns a list, main logits first.
        imagenet: As there.
        encoder_weights: As there.
    """
    network: nn.Module = smp_network(
        smp.UnetPlusPlus,
        encoder,
        in_channels=in_channels,
        classes=classes,
        decoder_channels=decoder_channels,
        imagenet=imagenet,
        encoder_weights=encoder_weights,
    )
    return DeepSupervisedUNetPlusPlus(network, decoder_channels, classes) if deep_supervision else network


def small_unetpp(*, imagenet: bool) -> nn.Module:
    """Return UNet++ on ``tu-efficientnet_lite0``, 3 channels in, 1 logit out, 3,974,897 parameters.

    Args:
        imagenet: Load the encoder's ImageNet weights; otherwise they are random.
    """
    return unetpp(LITE0_ENCODER, decoder_channels=DECODER_CHANNELS, imagenet=imagenet)


class DeepSupervisedUNetPlusPlus(nn.Module):
    """UNet++ with 1 x 1 heads on nodes x_3_3, x_2_3 and x_1_3 beside smp's own head on x_0_4.

    Neither wrinkle paper gives weights for the heads: their losses are averaged (methods.md section 2). Only the main
    head is served.
    """

    def __init__(self, network: smp.UnetPlusPlus, decoder_channels: Sequence[int], classes: int) -> None:
        """Take over the parts of ``network``."""
        super().__init__()
        self.encoder = network.encoder
        self.decoder = _DenseDecoder(network.encoder.out_channels, tuple(decoder_channels))
        self.decoder.load_state_dict(network.decoder.state_dict())
        self.segmentation_head = network.segmentation_head
        width = network.encoder.out_channels[1]
        self.side_heads = nn.ModuleDict({node: nn.Conv2d(width, classes, 1) for node in _SUPERVISED_NODES})

    def forward(self, image: Tensor) -> Tensor | list[Tensor]:
        """Map (N, C, H, W) to (N, classes, H, W) logits; in training mode to four of them, the main head's first.

        Raises:
            ContractError: H or W is not divisible by 32.
        """
        require_sides(image, _STRIDE)
        nodes: dict[str, Tensor] = self.decoder(self.encoder(image))
        main: Tensor = self.segmentation_head(nodes["x_0_4"])
        if not self.training:
            return main
        sides = [
            F.interpolate(head(nodes[node]), scale_factor=2.0, mode="bilinear", align_corners=False)
            for node, head in self.side_heads.items()
        ]
        return [main, *sides]


class _DenseDecoder(UnetPlusPlusDecoder):  # type: ignore[misc]
    """smp's UNet++ decoder that returns every node by name; the parameters are smp's."""

    def forward(self, features: list[Tensor]) -> dict[str, Tensor]:
        """Map encoder features, finest first, to nodes ``x_i_j``: row i counts up from the deepest, column j ends it.

        x_i_j takes the node before it (the encoder's feature when i = j) and, as its skip, the nodes x_{i+1..j}_j with
        the encoder's feature of that size.
        """
        deepest_first = features[:0:-1]  # the image itself is no skip
        nodes: dict[str, Tensor] = {}
        for j in range(self.depth):
            for i in range(j, -1, -1):
                below = deepest_first[i] if i == j else nodes[f"x_{i}_{j - 1}"]
                dense = [nodes[f"x_{k}_{j}"] for k in range(i + 1, j + 1)]
                nodes[f"x_{i}_{j}"] = self.blocks[f"x_{i}_{j}"](below, torch.cat([*dense, deepest_first[j + 1]], dim=1))
        nodes[f"x_0_{self.depth}"] = self.blocks[f"x_0_{self.depth}"](nodes[f"x_0_{self.depth - 1}"])
        return nodes
