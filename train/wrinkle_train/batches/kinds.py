"""What one training step is fed, by task, and what makes it. Light: imports no renderer and reads no file."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from torch import Tensor

__all__ = ["Batch", "BatchSource", "PictureBatch", "TextureBatch"]


class Batch(NamedTuple):
    """Batch of labelled pictures.

    Attributes:
        pixels: (N, C, H, W) uint8 network input.
        wrinkle: (N, H, W) float32 {0, 1}.
        weight: (N, H, W) float32 {0, 1}; 0 where a rendered line is too faint to see.
    """

    pixels: Tensor
    wrinkle: Tensor
    weight: Tensor


class TextureBatch(NamedTuple):
    """Batch of paper 2's stage 1.

    Attributes:
        pixels: (N, 3, H, W) uint8, unmasked RGB.
        texture: (N, H, W) uint8, masked texture map.
    """

    pixels: Tensor
    texture: Tensor


class PictureBatch(NamedTuple):
    """Batch of a pretraining task that needs pictures alone.

    Attributes:
        pixels: (N, 3, H, W) uint8 RGB.
    """

    pixels: Tensor


class BatchSource(Protocol):
    """Makes batches by number."""

    def batch(self, number: int) -> Any:
        """Return batch ``number``, a named tuple of (N, ...) tensors; the same number gives the same batch."""
