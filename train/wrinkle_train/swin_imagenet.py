"""ImageNet weights for SwinUNETR's encoder, from a Swin Transformer file in its authors' or timm's layout.

Source: Liu et al., arXiv:2103.14030, with the released file's names; methods.md section 3: paper 2's printed count fits
depths 2-2-2-2, so blocks 3 to 6 of Swin-T's third stage have nowhere to go. Position tables of another window stay
fresh, and so does everything else that does not fit by name and shape.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from wrinkle_core.errors import ArtifactError
from wrinkle_train.transfer import Transfer, transfer

__all__ = ["load_swin_imagenet"]

_STAGE: Final = re.compile(r"layers\.(\d)\.(.+)")
_RENAMED: Final = (("mlp.fc1.", "mlp.linear1."), ("mlp.fc2.", "mlp.linear2."))
_OWN_NEST: Final = "model"  # the released files hold the tensors under this key


def load_swin_imagenet(network: nn.Module, path: Path) -> Transfer:
    """Copy a Swin Transformer's weights into ``network.swinViT`` and return what was copied.

    Args:
        network: SwinUNETR; feature size 96 fits Swin-T and Swin-S.
        path: Safetensors, or a ``.pth`` state dict.

    Raises:
        ArtifactError: The file is missing or unreadable, or none of its weights fits.
    """
    source = _monai_names(_read(path))
    result = transfer(source, network)
    if result.copied + result.widened == 0:
        raise ArtifactError(f"No tensor of {path.name} fits this Swin encoder; Swin-T's fit feature size 96.")
    return result


def _monai_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    merges_first = "layers.0.downsample.reduction.weight" not in tensors  # timm: at the start of the next stage
    renamed = {}
    for name, value in tensors.items():
        stage = _STAGE.fullmatch(name)
        if stage is None:
            renamed[f"swinViT.{name}"] = value
            continue
        number, rest = int(stage[1]) + 1, stage[2]
        if merges_first and rest.startswith("downsample."):
            number -= 1
        for theirs, ours in _RENAMED:
            rest = rest.replace(theirs, ours)
        renamed[f"swinViT.layers{number}.0.{rest}"] = value
    return renamed


def _read(path: Path) -> Mapping[str, Tensor]:
    try:
        content = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except FileNotFoundError:
        raise ArtifactError(
            f"The weights file {path.name} is missing: nothing is downloaded at run time, so put it there first."
        ) from None
    except (OSError, EOFError, RuntimeError, SafetensorError, UnpicklingError):
        raise ArtifactError(f"{path.name} is unreadable: it must be safetensors or a state dict of tensors.") from None
    tensors = content.get(_OWN_NEST, content) if isinstance(content, Mapping) else content
    if not isinstance(tensors, Mapping) or not all(isinstance(value, Tensor) for value in tensors.values()):
        raise ArtifactError(f"{path.name} must hold a state dict: tensors by name.")
    return tensors
