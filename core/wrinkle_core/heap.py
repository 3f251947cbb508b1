"""Keeping freed memory for the next photograph.

glibc gives large blocks back to the kernel as soon as they are freed, and gets them again, page by page and zeroed, for
the next photograph: with arrays of a few megabytes that took a third of preprocessing and of the threshold step. Other
C libraries are left as they are.

Source: mallopt(3).
"""

from __future__ import annotations

import ctypes
import platform
from typing import Final

__all__ = ["keep_freed_memory"]

_TRIM_THRESHOLD: Final = -1  # M_TRIM_THRESHOLD: free memory at the heap's end above which it is given back
_MMAP_THRESHOLD: Final = -3  # M_MMAP_THRESHOLD: size from which a block is the kernel's, not the heap's
_KEPT_BYTES: Final = 64 * 2**20
_LARGEST_BLOCK_BYTES: Final = 32 * 2**20  # glibc's own limit; what is larger, all of 12 megapixels, is given back


def keep_freed_memory() -> None:
    """Let this process keep up to about 64 MiB that it freed; for one that serves photograph after photograph."""
    if platform.libc_ver()[0] == "glibc":
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_MMAP_THRESHOLD, _LARGEST_BLOCK_BYTES)
