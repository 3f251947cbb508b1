"""A network as an ONNX graph: traced, folded, and in the precisions that runtimes take."""

from __future__ import annotations

from typing import Final

__all__ = ["UNROUNDED"]

UNROUNDED: Final = "probability_unrounded"
"""What every exported graph calls the FP32 probability before it is rounded to UINT8."""
