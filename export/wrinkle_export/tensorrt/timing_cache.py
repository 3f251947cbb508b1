"""How long each kernel took, kept between builds: a second build of a like network takes a fraction of the time.

Timings hold for one GPU model and one TensorRT version, so each pair has a file of its own.

Source: TensorRT documentation, "Timing Cache", ``ITimingCache``.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from wrinkle_core.errors import ArtifactError
from wrinkle_export.tensorrt.preflight import Gpu

__all__ = ["TimingCacheFile", "slug"]

_LOCK_TIMEOUT_S: Final = 60


def slug(text: str) -> str:
    """Return ``text`` in lower case with everything but letters and digits turned into single hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


class TimingCacheFile:
    """The timings of one GPU model and one TensorRT version.

    Args:
        folder: Where such files lie; made when the first is saved.
        gpu: The GPU that is built on.
        builder: Package and version, such as ``tensorrt 10.13.0``.
    """

    def __init__(self, folder: Path, gpu: Gpu, builder: str) -> None:
        self.path = folder / f"{slug(gpu.name)}-sm{gpu.compute_capability}-{slug(builder)}.timing"

    def load(self, config: Any) -> bool:
        """Give what the file holds to a builder configuration; a file it cannot read counts as empty.

        Returns:
            Whether timings were taken over.
        """
        known = self.path.read_bytes() if self.path.is_file() else b""
        cache = config.create_timing_cache(known)
        if known and cache is not None and config.set_timing_cache(cache, False):
            return True
        config.set_timing_cache(config.create_timing_cache(b""), False)
        return False

    def save(self, config: Any) -> None:
        """Replace the file at once with the configuration's timings and those another build saved meanwhile.

        Raises:
            ArtifactError: Another build holds the file for too long.
        """
        cache = config.get_timing_cache()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.path.with_suffix(".lock"), timeout=_LOCK_TIMEOUT_S):
                if self.path.is_file() and (other := config.create_timing_cache(self.path.read_bytes())) is not None:
                    cache.combine(other, False)
                with tempfile.NamedTemporaryFile(dir=self.path.parent, delete=False) as partial:
                    partial.write(bytes(cache.serialize()))
                os.replace(partial.name, self.path)
        except Timeout:
            raise ArtifactError(f"Another build holds {self.path.name}; try again when it is done.") from None
