"""The folder through which the supervisor and the Python steps of one server see each other.

Both are processes of one user on one machine, with Triton between them; a small file that each side maps into memory
costs no request and no lock.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

__all__ = ["RUN_FOLDER_VARIABLE", "run_folder"]

RUN_FOLDER_VARIABLE: Final = "WRINKLE_RUN_FOLDER"


def run_folder() -> Path | None:
    """Return the run folder of the server this process belongs to, or None when nobody supervises it."""
    given = os.environ.get(RUN_FOLDER_VARIABLE)
    return Path(given) if given else None
