"""Holding a temporary folder against the system's cleaner.

Many systems remove what lies in the folder of temporary files and was not touched for ten days. A server that runs for
longer would lose its repository, and with it every later repair.

Source: systemd, "Using /tmp/ and /var/tmp/ Safely": a BSD lock on a folder keeps it and all below it from aging.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["held"]


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep cleaners off ``folder`` inside the block.

    Raises:
        OSError: It is not there.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)
