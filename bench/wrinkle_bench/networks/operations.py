"""How many floating-point operations one inference takes; a multiplication and an addition count as two."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from wrinkle_core.openvino_core import openvino_core
from wrinkle_export.openvino_ir.shallow_layers import shallow_layers

__all__ = ["network_gflop", "shallow_share"]

_GIGA: Final = 1e9
_CONVOLUTIONS: Final = frozenset({"Convolution", "GroupConvolution", "ConvolutionBackpropData"})


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


def shallow_share(onnx: Path, input_px: int) -> float:
    """Return the share of a network's operations, in [0, 1], that keep FP32 whatever the rest is computed in.

    Args:
        onnx: The deployable graph.
        input_px: Side of its input.
    """
    model = openvino_core().read_model(onnx)
    shallow = shallow_layers(model, input_px)
    model.reshape({"INPUT": [1, *(int(side.get_length()) for side in list(model.input("INPUT").partial_shape)[1:])]})
    operations = {node.get_friendly_name(): _operations(node) for node in model.get_ordered_ops()}
    return sum(operations[name] for name in shallow) / sum(operations.values())


def _operations(node: Any) -> int:
    """Return the multiplications of a convolution for one picture; 0 for every other layer."""
    if node.get_type_name() not in _CONVOLUTIONS:
        return 0
    # A transposed one spreads each pixel that goes in, the others gather each that comes out.
    spread = node.get_type_name() == "ConvolutionBackpropData"
    picture = node.input_value(0).get_shape() if spread else node.output(0).get_shape()
    weights = list(node.input_value(1).get_shape())
    if node.get_type_name() == "GroupConvolution":  # weights: (groups, out, in, height, width)
        return int(np.prod(picture[1:]) * np.prod(weights[2:]))
    return int(np.prod(picture[1:]) * np.prod(weights[1:]))
