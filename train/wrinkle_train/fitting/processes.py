"""How many processes train together, as torchrun tells them."""

from __future__ import annotations

import os

__all__ = ["process_count", "process_rank"]


def process_count() -> int:
    """Return how many processes torchrun started, 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def process_rank() -> int:
    """Return this process's number among them."""
    return int(os.environ.get("RANK", "0"))
