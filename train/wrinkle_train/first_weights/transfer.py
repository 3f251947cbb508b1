"""From one network's weights to another's first weights: stage 1 to stage 2, or a file the user names.

Source: methods.md section 3, "Transfer": matching tensors are copied; a first convolution that gains a fourth channel
takes the RGB slices and a zero fourth slice, so that it starts exactly at the old function; the head is fresh. The rule
goes by name and shape, so it holds for SwinUNETR's patch embedding and its encoder1 conv1 and conv3 as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from wrinkle_core.errors import ArtifactError

__all__ = ["Transfer", "load_initial_weights", "transfer"]

_PREFIX = "network."  # what a served network's own wrapper puts before the names


@dataclass(frozen=True, slots=True)
class Transfer:
    """What was copied; scalars such as counters do not count.

    Attributes:
        copied: Tensors copied as they are.
        widened: Tensors that got a zero slice for the fourth input channel.
        fresh: Tensors left as they were.
    """

    copied: int
    widened: int
    fresh: int

    def __str__(self) -> str:
        return f"{self.copied} tensors copied, {self.widened} widened to a fourth channel, {self.fresh} left fresh"


def transfer(source: Mapping[str, Tensor], network: nn.Module) -> Transfer:
    """Copy what fits from ``source``, names as in ``network.state_dict()``, into ``network``."""
    target = network.state_dict()
    copied = widened = fresh = 0
    for name, old in target.items():
        new = source.get(name)
        counts = int(old.ndim > 0)
        if new is not None and new.shape == old.shape:
            target[name] = new.to(old.dtype)
            copied += counts
        elif new is not None and _gains_a_channel(new, old):
            target[name] = torch.cat([new.to(old.dtype), torch.zeros_like(old[:, 3:])], dim=1)
            widened += 1
        else:
            fresh += counts
    network.load_state_dict(target)
    return Transfer(copied, widened, fresh)


def load_initial_weights(path: Path, network: nn.Module) -> Transfer:
    """Copy what fits from a safetensors file into ``network``.

    Args:
        path: Written by training, or plain tensors by name.
        network: The bare network, without its wrapper.

    Raises:
        ArtifactError: The file is missing or unreadable, or no weight of it fits.
    """
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError):
        raise ArtifactError(
            f"{path.name} is missing or no safetensors file; name one written by `wrinkle train`."
        ) from None
    result = transfer({name.removeprefix(_PREFIX): value for name, value in tensors.items()}, network)
    if result.copied + result.widened == 0:
        raise ArtifactError(f"No tensor of {path.name} fits this network; name weights of the same family and width.")
    return result


def _gains_a_channel(new: Tensor, old: Tensor) -> bool:
    if new.ndim != 4 or old.ndim != 4 or new.shape[1] != 3 or old.shape[1] != 4:
        return False
    return new.shape[0] == old.shape[0] and new.shape[2:] == old.shape[2:]
