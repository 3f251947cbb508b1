"""How far each way of running a network may stray from PyTorch in FP32; part of the contract.

Differences are of probability, before it is rounded to uint8 where the runtime shows it. Masks are compared in the
photograph's pixels at the default threshold, per-image means.

Where the values come from. Demanded: FP32 within 1e-4; FP16 and BF16 masks with an IoU of 0.99 and an F1 drop of 0.002
at most; INT8 an F1 drop of 0.01 at most. The rest was measured with the shipped weights on the 40 evaluation pictures,
two networks, and given a margin of two to five; see docs/export.md for the figures.

A mask of a few hundred pixels moves by a per cent when four of them sit on the threshold (FP16 on one of the two
photographs that come with PyPI packages: 0.9865). On fewer than ten photographs twice the loss of IoU is allowed: such
a run finds what is wrong, not what is slightly worse.

``tensorrt-fp16`` was not measured: TensorRT runs on GPUs only. It computes the graph that ``onnx-fp16`` computes, so it
gets the same room. ``live`` is whatever the server runs, after rounding and warping.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from wrinkle_core.errors import InvalidParameterError

__all__ = ["ENOUGH_PICTURES", "PARITY_LIMITS", "ParityLimits", "parity_limits"]

ENOUGH_PICTURES: Final = 10


@dataclass(frozen=True, slots=True)
class ParityLimits:
    """What is allowed between a network run somehow and PyTorch in FP32.

    Attributes:
        max_difference: Largest difference of probability on any pixel of any picture, [0, 1].
        mean_difference: Mean difference over all pixels.
        min_mask_iou: Smallest mean IoU between the masks, over ``ENOUGH_PICTURES`` or more.
        max_f1_drop: By how much the mean F1 against labels may be lower.
    """

    max_difference: float
    mean_difference: float
    min_mask_iou: float
    max_f1_drop: float

    def mask_iou_over(self, pictures: int) -> float:
        """Return the smallest mean IoU that is allowed over so many photographs."""
        return self.min_mask_iou if pictures >= ENOUGH_PICTURES else 1.0 - 2.0 * (1.0 - self.min_mask_iou)


PARITY_LIMITS: Final[Mapping[str, ParityLimits]] = MappingProxyType(
    {
        "onnx-fp32": ParityLimits(1e-4, 1e-6, 0.999, 0.0005),
        "onnx-fp16": ParityLimits(0.15, 5e-4, 0.99, 0.002),
        "onnx-fp16-storage": ParityLimits(0.005, 2e-5, 0.99, 0.002),
        "openvino-f32": ParityLimits(1e-4, 1e-6, 0.999, 0.0005),
        "openvino-bf16": ParityLimits(0.05, 5e-4, 0.99, 0.002),
        "openvino-int8": ParityLimits(0.5, 1.5e-3, 0.92, 0.01),
        "tensorrt-fp16": ParityLimits(0.15, 5e-4, 0.99, 0.002),
        "live": ParityLimits(0.15, 5e-4, 0.99, 0.002),
    }
)


def parity_limits(runtime: str) -> ParityLimits:
    """Return the limits of one way of running a network.

    Raises:
        InvalidParameterError: There is none of that name.
    """
    if runtime not in PARITY_LIMITS:
        raise InvalidParameterError(f"No limits are known for {runtime!r}; there are {', '.join(PARITY_LIMITS)}.")
    return PARITY_LIMITS[runtime]
