"""INT8 by post-training quantisation with NNCF.

Normalisation, the shallow layers (see shallow_layers.py) and everything from the last convolution on stay in floating
point: 8 bits hold neither a wrinkle on bright skin nor a probability near its threshold.

Source: NNCF documentation, "Post-training quantization".
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wrinkle_core.errors import InvalidParameterError
from wrinkle_core.telemetry import telemetry_blocked
from wrinkle_export.openvino_ir.shallow_layers import shallow_layers

__all__ = ["MIN_CALIBRATION_PICTURES", "Int8Options", "quantised"]

MIN_CALIBRATION_PICTURES: Final = 8


@dataclass(frozen=True, slots=True)
class Int8Options:
    """How a network is quantised.

    Attributes:
        fast_bias_correction: Correct biases layer by layer from statistics; the slow way runs the network per layer.
    """

    fast_bias_correction: bool = True

    def as_dict(self) -> dict[str, bool]:
        """Return the options for a key."""
        return asdict(self)


def quantised(model: Any, input_px: int, pixels: Sequence[NDArray[np.uint8]], options: Int8Options) -> Any:
    """Return an INT8 model.

    Args:
        model: ``openvino.Model`` in FP32 with input INPUT; may be changed.
        input_px: Side of its input.
        pixels: (1, C, S, S) uint8 each, at least ``MIN_CALIBRATION_PICTURES``.
        options: How.

    Raises:
        InvalidParameterError: There are too few pictures.
    """
    if len(pixels) < MIN_CALIBRATION_PICTURES:
        raise InvalidParameterError(
            f"INT8 is calibrated on at least {MIN_CALIBRATION_PICTURES} photographs with a face, got {len(pixels)}."
        )
    nncf = _nncf_that_reports_nothing()
    kept = shallow_layers(model, input_px) | _layers_from_last_convolution(model)
    dataset = nncf.Dataset(list(pixels), lambda one: {"INPUT": one})
    return nncf.quantize(
        model,
        dataset,
        preset=nncf.QuantizationPreset.MIXED,
        target_device=nncf.TargetDevice.CPU,
        subset_size=len(pixels),
        fast_bias_correction=options.fast_bias_correction,
        ignored_scope=nncf.IgnoredScope(names=sorted(kept), validate=False),
    )


def _layers_from_last_convolution(model: Any) -> frozenset[str]:
    nodes = [node for node in model.get_ordered_ops() if node.get_type_name() != "Constant"]
    last = max(index for index, node in enumerate(nodes) if node.get_type_name() == "Convolution")
    return frozenset(node.get_friendly_name() for node in nodes[last:])


def _nncf_that_reports_nothing() -> Any:
    with telemetry_blocked():
        import nncf
    nncf.set_log_level(logging.ERROR)
    return nncf
