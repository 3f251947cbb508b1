"""SwinUNETR in two dimensions, as the texture-map paper's parameter counts imply it.

Source: Hatamizadeh et al., arXiv:2201.01266, through MONAI; arXiv:2408.10060's Table 3 with methods.md section 3:
feature size 48, depths 2-2-2-2, heads 3-6-12-24, window 16, patch 4, and a last decoder stage that enlarges four times
like the patch embedding it undoes. 25,239,980 parameters with three channels and two classes; the paper prints the
count without the relative-position-bias tables, 25,153,490.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from monai.networks.blocks.unetr_block import UnetrUpBlock
from monai.networks.nets.swin_unetr import SwinUNETR
from torch import nn

from wrinkle_core.errors import ContractError

__all__ = ["SWIN_STRIDE_PX", "SwinUNETR2d", "parameters_without_position_tables"]

SWIN_STRIDE_PX: Final = 64  # 4 of the patch embedding, 2 of each of the four merges
_PATCH_PX: Final = 4
_NORM: Final = "instance"
_POSITION_TABLE: Final = "relative_position_bias_table"


class SwinUNETR2d(SwinUNETR):
    """SwinUNETR for (N, in_channels, H, W) images; returns (N, classes, H, W) logits.

    MONAI asks for sides divisible by ``patch ** 5`` = 1024. What the layers really need is sides divisible by 64, and
    more than 64 x 64 px: instance norm has no spread to divide by where one position is left. Below 1024 px the
    deeper stages have fewer than 16 x 16 tokens; MONAI then attends within one smaller window and reads the first
    entries of the bias table's index, so weights trained there are not those of the full size.

    Args:
        in_channels: 3 for RGB, 4 with the texture map.
        classes: Output channels; 1 for texture-map regression.
        feature_size: Width of the first stage, a multiple of 12; 48 in the paper, 96 with ImageNet weights.
        depths: Transformer blocks of the four stages.
        heads: Attention heads of the four stages.
        window: Side of an attention window in tokens.
        checkpointed: Recompute attention in the backward pass: slower, for less memory.
    """

    def __init__(
        self,
        in_channels: int = 3,
        classes: int = 2,
        *,
        feature_size: int = 48,
        depths: Sequence[int] = (2, 2, 2, 2),
        heads: Sequence[int] = (3, 6, 12, 24),
        window: int = 16,
        checkpointed: bool = False,
    ) -> None:
        super().__init__(
            in_channels=in_channels,
            out_channels=classes,
            patch_size=_PATCH_PX,
            depths=depths,
            num_heads=heads,
            window_size=window,
            feature_size=feature_size,
            norm_name=_NORM,
            spatial_dims=2,
            use_checkpoint=checkpointed,
        )
        self.decoder1 = UnetrUpBlock(
            spatial_dims=2,
            in_channels=feature_size,
            out_channels=feature_size,
            kernel_size=3,
            upsample_kernel_size=_PATCH_PX,
            norm_name=_NORM,
            res_block=True,
        )

    def _check_input_size(self, spatial_shape: Sequence[int]) -> None:
        height, width = spatial_shape
        if height % SWIN_STRIDE_PX or width % SWIN_STRIDE_PX or height * width == SWIN_STRIDE_PX**2:
            raise ContractError(
                f"SwinUNETR takes sides divisible by {SWIN_STRIDE_PX} px and more than {SWIN_STRIDE_PX} x "
                f"{SWIN_STRIDE_PX}, got {height} x {width}: pad or resize the image."
            )


def parameters_without_position_tables(network: nn.Module) -> int:
    """Count parameters as arXiv:2408.10060 prints them: relative-position-bias tables left out."""
    return sum(p.numel() for name, p in network.named_parameters() if not name.endswith(_POSITION_TABLE))
