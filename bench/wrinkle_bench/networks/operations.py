"""How many floating-point operations one inference takes; a multiplication and an addition count as two."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["network_gflop"]

_GIGA: Final = 1e9


def network_gflop(checkpoint: Path) -> float:
    """Return the operations of one picture's convolutions and products, counted without running them.

    Raises:
        ArtifactError: The file holds no network.
    """
    import torch  # half a second, which no other measurement should wait for
    from torch.utils.flop_counter import FlopCounterMode

    from wrinkle_train.weights_file import load_weights

    network, recipe = load_weights(checkpoint)
    side = recipe.input_px
    pixels = torch.zeros((1, recipe.network.in_channels, side, side), dtype=torch.uint8, device="meta")
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network.to("meta")(pixels)
    return float(counter.get_total_flops()) / _GIGA
