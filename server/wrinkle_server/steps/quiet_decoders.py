"""Keeping image decoders from writing to standard error.

Pillow warns, and libtiff and libjpeg print, about each damaged tag of a file: one hostile TIFF writes tens of thousands
of lines into the server's log, and Python remembers every warning that it has shown. What is wrong with a file its
sender is told in the answer.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["quiet_decoders"]


@contextmanager
def quiet_decoders() -> Iterator[None]:
    """Drop warnings and whatever is written to standard error inside the block; for single-threaded processes."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.dup2(nowhere, 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
