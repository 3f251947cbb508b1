"""Where benchmarks keep what is costly to make or fetch, and where their figures go."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import platformdirs

__all__ = ["RESULTS", "bench_cache", "compiled_cache"]

RESULTS: Final = Path("bench/results")


def bench_cache() -> Path:
    """Return the folder for networks and tools, in this user's cache."""
    return platformdirs.user_cache_path("wrinkle-serving") / "bench"


def compiled_cache() -> Path:
    """Return the folder where OpenVINO keeps what it compiled for benchmarks; it is made when missing."""
    folder = bench_cache() / "compiled"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
