"""Freed memory stays with a process that asks for it."""

from __future__ import annotations

import subprocess
import sys

PAGES_FETCHED_ANEW = """
import resource, sys
import numpy as np
from wrinkle_core.heap import keep_freed_memory

if sys.argv[1] == "keep":
    keep_freed_memory()

def fetched():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        [np.ones((3, 1024, 1024), np.uint8) for _ in range(10)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

fetched()
print(fetched())
"""


def pages(argument: str) -> int:
    program = [sys.executable, "-c", PAGES_FETCHED_ANEW, argument]
    return int(subprocess.run(program, capture_output=True, check=True, text=True, timeout=60).stdout)


def test_a_block_that_was_freed_is_not_fetched_from_the_kernel_again() -> None:
    assert pages("keep") < 100 < pages("let go")
