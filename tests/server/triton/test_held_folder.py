"""A held folder keeps off the system's cleaner, which locks what it is about to clean."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from wrinkle_server.triton.held_folder import held


def test_cleaner_gets_its_lock_only_after_the_end(tmp_path: Path) -> None:
    cleaner = os.open(tmp_path, os.O_RDONLY)
    try:
        with held(tmp_path), pytest.raises(BlockingIOError):
            fcntl.flock(cleaner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(cleaner, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(cleaner)
