"""SimMIM: masked image modelling with a Swin encoder.

Source: Xie et al., arXiv:2111.09886, with the settings of methods.md section 4: patches of 32 px, 60 % masked, a
learned token in place of the masked embeddings, a 1 x 1 convolution and a pixel shuffle as decoder, L1 over the masked
pixels.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from monai.networks.nets.swin_unetr import SwinTransformer
from torch import Tensor, nn

from wrinkle_core.errors import InvalidParameterError
from wrinkle_train.networks.input_sides import require_sides
from wrinkle_train.networks.swin_unetr import SWIN_STRIDE_PX

__all__ = ["MASKED_PATCH_PX", "MASKED_SHARE", "MaskedSwin", "masked_l1", "random_patch_mask"]

MASKED_PATCH_PX: Final = 32
MASKED_SHARE: Final = 0.6
_TOKEN_STD: Final = 0.02


class MaskedSwin(nn.Module):
    """Rebuilds an image from what its masked patches leave, and so trains the encoder it is given.

    Attributes:
        encoder: ``SwinUNETR2d.swinViT``, shared and not copied: after pretraining the segmentation network has it.
        mask_token: (1, embedding width, 1, 1), stands in for every masked embedding.
        head: From the deepest features to pixels; thrown away afterwards.
    """

    def __init__(self, encoder: SwinTransformer) -> None:
        super().__init__()
        self.encoder = encoder
        channels = encoder.patch_embed.proj.in_channels
        self.mask_token = nn.Parameter(torch.zeros(1, encoder.embed_dim, 1, 1))
        nn.init.trunc_normal_(self.mask_token, std=_TOKEN_STD)
        deepest = 2 * encoder.num_features  # MONAI merges after the last stage too
        self.head = nn.Sequential(
            nn.Conv2d(deepest, channels * SWIN_STRIDE_PX**2, kernel_size=1), nn.PixelShuffle(SWIN_STRIDE_PX)
        )

    def forward(self, image: Tensor, masked: Tensor) -> Tensor:
        """Rebuild (N, C, H, W) from its unmasked part.

        Args:
            image: Normalised float32; H and W divisible by 64.
            masked: (N, H / 32, W / 32) bool, True where the encoder must not look.

        Raises:
            ContractError: H or W is not divisible by 64.
        """
        require_sides(image, SWIN_STRIDE_PX)
        encoder = self.encoder
        embedded = encoder.patch_embed(image)
        hidden = _enlarged(masked, embedded.shape[-1] // masked.shape[-1])
        features = encoder.pos_drop(torch.where(hidden, self.mask_token.to(embedded.dtype), embedded))
        for stage in (encoder.layers1, encoder.layers2, encoder.layers3, encoder.layers4):
            features = stage[0](features.contiguous())
        rebuilt: Tensor = self.head(encoder.proj_out(features, normalize=True))  # type: ignore[no-untyped-call]
        return rebuilt


def random_patch_mask(
    images: int, height_px: int, width_px: int, *, share: float = MASKED_SHARE, generator: torch.Generator | None = None
) -> Tensor:
    """Draw which patches each image loses: exactly ceil(share x patches) of them.

    Args:
        images: Batch size.
        height_px: Multiple of 32.
        width_px: Multiple of 32.
        share: In (0, 1).
        generator: Source of randomness.

    Returns:
        (images, height_px / 32, width_px / 32) bool; True is masked.

    Raises:
        InvalidParameterError: A side or the share is out of range.
    """
    if height_px % MASKED_PATCH_PX or width_px % MASKED_PATCH_PX or not 0 < share < 1:
        raise InvalidParameterError(
            f"Masking takes sides divisible by {MASKED_PATCH_PX} px and a share between 0 and 1, "
            f"got {height_px} x {width_px} and {share:g}."
        )
    rows, columns = height_px // MASKED_PATCH_PX, width_px // MASKED_PATCH_PX
    count = math.ceil(share * rows * columns)
    order = torch.rand(images, rows * columns, generator=generator).argsort(dim=1)
    return (order < count).reshape(images, rows, columns)


def masked_l1(rebuilt: Tensor, image: Tensor, masked: Tensor) -> Tensor:
    """Return the mean absolute error over the masked pixels of all channels.

    Args:
        rebuilt: (N, C, H, W) float32.
        image: The same shape.
        masked: (N, H / 32, W / 32) bool with at least one True.
    """
    hidden = _enlarged(masked, image.shape[-1] // masked.shape[-1]).to(image.dtype)
    return ((rebuilt - image).abs() * hidden).sum() / (hidden.sum() * image.shape[1])


def _enlarged(masked: Tensor, factor: int) -> Tensor:
    """Return (N, 1, h x factor, w x factor) by repetition."""
    return masked.repeat_interleave(factor, dim=1).repeat_interleave(factor, dim=2)[:, None]
