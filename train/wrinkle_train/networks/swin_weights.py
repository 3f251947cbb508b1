"""ImageNet weights of a Swin classifier, such as Swin-T, for the encoder of SwinUNETR, from a file.

Source: methods.md section 3: the texture-map paper's ImageNet row has feature size 96 and depths 2-2-2-2, so two of
the six blocks in Swin-T's third stage are taken. Assumed: position-bias tables of another window are resized
bicubically, as Liu et al., arXiv:2103.14030, do between windows. The fourth merge, which a classifier lacks, stays
random; the norm after the patch embedding, which SwinUNETR lacks, is dropped.
"""

from __future__ import annotations

import re
from math import isqrt
from pathlib import Path
from typing import Final

import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from wrinkle_core.errors import ArtifactError
from wrinkle_train.networks.encoder_weights import fitted_channels, read_weights
from wrinkle_train.networks.swin_unetr import SwinUNETR2d

__all__ = ["load_swin_imagenet"]

_AUTHORS_FIRST_MERGE: Final = "layers.0.downsample.reduction.weight"
_POSITION_TABLE: Final = "relative_position_bias_table"
_ONLY_HERE: Final = ("layers4.0.downsample", "relative_position_index")
_MLP: Final = {
    "mlp.0.": "mlp.linear1.",
    "mlp.fc1.": "mlp.linear1.",
    "mlp.3.": "mlp.linear2.",
    "mlp.fc2.": "mlp.linear2.",
}


def load_swin_imagenet(network: SwinUNETR2d, path: Path) -> int:
    """Copy a Swin classifier's weights into ``network.swinViT`` and return how many tensors were copied.

    A fourth input channel starts at zero.

    Args:
        network: Built with the classifier's width: feature size 96 for Swin-T.
        path: Safetensors or a ``.pth`` state dict in torchvision's, timm's or the authors' layout.

    Raises:
        ArtifactError: The file is missing or unreadable, or lacks a tensor or has one of another shape.
    """
    tensors = read_weights(path)
    merges_last = _AUTHORS_FIRST_MERGE in tensors
    source = {_own_name(name, merges_last): value for name, value in tensors.items()}
    target = network.swinViT.state_dict()
    copied: dict[str, Tensor] = {}
    for name, old in target.items():
        if any(part in name for part in _ONLY_HERE):
            continue
        new = source.get(name)
        fitted = None if new is None else _fitted(name, new, old)
        if fitted is None:
            got = "is not there" if new is None else f"is {tuple(new.shape)}"
            raise ArtifactError(
                f"{path.name} does not fit SwinUNETR: {name} must be {tuple(old.shape)} and {got}. Name a file of a "
                "Swin classifier of the same width (Swin-T has feature size 96), in torchvision's or timm's layout."
            )
        copied[name] = fitted
    network.swinViT.load_state_dict({**target, **copied})
    return len(copied)


def _own_name(name: str, merges_last: bool) -> str:
    """Return MONAI's name of a tensor; stages count from 1 there, and a stage ends with its merge.

    timm begins a stage with the merge, the authors end it so (``merges_last``).
    """
    for theirs, own in _MLP.items():
        name = name.replace(theirs, own)
    if name.startswith("features.0.0."):  # torchvision alternates: embedding, stage, merge, stage, merge, ...
        return name.replace("features.0.0.", "patch_embed.proj.")
    if found := re.fullmatch(r"features\.(\d+)\.(.+)", name):
        part, rest = int(found[1]), found[2]
        return f"layers{(part + 1) // 2}.0.blocks.{rest}" if part % 2 else f"layers{part // 2}.0.downsample.{rest}"
    if found := re.fullmatch(r"layers\.(\d+)\.blocks\.(.+)", name):
        return f"layers{int(found[1]) + 1}.0.blocks.{found[2]}"
    if found := re.fullmatch(r"layers\.(\d+)\.downsample\.(.+)", name):
        return f"layers{int(found[1]) + int(merges_last)}.0.downsample.{found[2]}"
    return name


def _fitted(name: str, new: Tensor, old: Tensor) -> Tensor | None:
    if name.endswith(_POSITION_TABLE) and new.ndim == 2 and new.shape[1] == old.shape[1]:
        return _resized_table(new, old.shape[0])
    return fitted_channels(new, old.shape)


def _resized_table(table: Tensor, entries: int) -> Tensor | None:
    """Map (a^2, heads), a square grid of relative positions, to (b^2, heads)."""
    side, wanted = isqrt(table.shape[0]), isqrt(entries)
    if side**2 != table.shape[0]:
        return None
    if side == wanted:
        return table
    grid = table.float().T.reshape(1, -1, side, side)
    resized = F.interpolate(grid, size=(wanted, wanted), mode="bicubic", align_corners=False)
    return resized.reshape(-1, entries).T.contiguous()
