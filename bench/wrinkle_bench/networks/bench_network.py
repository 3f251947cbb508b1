"""One network as every runtime of a comparison takes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wrinkle_export.repository.served_network import ServedNetwork

__all__ = ["BenchNetwork"]


@dataclass(frozen=True, slots=True)
class BenchNetwork:
    """The same weights for PyTorch and for everything that runs ONNX.

    Attributes:
        segmenter: Which ensemble it fits.
        description: For a person.
        trained: Whether masks mean something: then they are compared, else probabilities.
        checkpoint: safetensors with its recipe.
        onnx: A deployable graph that computes in FP32.
    """

    segmenter: str
    description: str
    trained: bool
    checkpoint: Path
    onnx: Path

    def served(self) -> ServedNetwork:
        """Return it as the server takes it, in the precision of the processor's choice."""
        return ServedNetwork.from_onnx(self.onnx, "auto")
