"""Becomes the given program after asking the kernel to stop it when its parent dies.

Run as a script: ``python launch.py PARENT_PID PROGRAM ARGUMENT…``. A parent that is killed cannot stop its child
itself, and ``subprocess``'s ``preexec_fn`` is unsafe beside threads.

Source: prctl(2), PR_SET_PDEATHSIG; the setting survives execve(2).
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def _main() -> None:
    parent = int(sys.argv[1])
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        raise SystemExit("The starting process is gone.")
    os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    _main()
