"""The one thing every network asks of its input: sides it can halve as often as it must."""

from __future__ import annotations

import torch
from torch import Tensor

from wrinkle_core.errors import ContractError

__all__ = ["require_sides"]


def require_sides(image: Tensor, multiple_px: int) -> None:
    """Check that height and width of (N, C, H, W) are multiples of ``multiple_px``; a trace keeps no such check.

    Raises:
        ContractError: One is not.
    """
    if torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
        return
    height, width = image.shape[-2:]
    if height % multiple_px or width % multiple_px:
        raise ContractError(
            f"This network takes sides divisible by {multiple_px} px, got {height} x {width}: pad or resize the image."
        )
