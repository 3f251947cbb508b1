"""What a user might choose instead, measured beside our ensemble in one run: ``wrinkle bench peers``."""

from __future__ import annotations

from typing import Final

__all__ = ["CHECKPOINT_VARIABLE"]

CHECKPOINT_VARIABLE: Final = "WRINKLE_BENCH_CHECKPOINT"  # how the FastAPI service learns its network
