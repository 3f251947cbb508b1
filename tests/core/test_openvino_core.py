from __future__ import annotations

import subprocess
import sys

HANDLES_A_SIGNAL_AFTER_FREEING_NETWORKS = """
import os, signal

from wrinkle_core.landmarks import FaceLandmarker

landmarker = FaceLandmarker()
del landmarker
signal.signal(signal.SIGCHLD, lambda *_: print("told"))
os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
"""


def test_a_process_that_freed_its_face_networks_survives_a_signal() -> None:
    command = [sys.executable, "-c", HANDLES_A_SIGNAL_AFTER_FREEING_NETWORKS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "told\n"), done.stderr
