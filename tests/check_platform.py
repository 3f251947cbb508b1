"""Say early, and in words, when this machine cannot run the embedded Triton server. Needs nothing but Python."""

from __future__ import annotations

import platform
import sys

CONTAINER = """  On another machine, run the server in a Linux x86-64 container with this folder mounted:
    docker run --rm -it -v "$PWD":/src -w /src -p 8000:8000 -p 8001:8001 python:3.11-bookworm make demo"""


def _problems() -> list[str]:
    found = []
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        found.append(f"the embedded Triton is built for Linux x86-64; this is {sys.platform} {platform.machine()}")
    if not (3, 10) <= sys.version_info[:2] <= (3, 12):
        found.append(f"Python 3.10 to 3.12 is needed, this is {platform.python_version()}; try make PYTHON=python3.11")
    name, version = platform.libc_ver()
    if name == "glibc" and tuple(map(int, version.split(".")[:2])) < (2, 35):
        found.append(f"glibc 2.35 or newer is needed, this is {version}")
    return found


problems = _problems()
if problems:
    sys.exit("This machine cannot run it:\n" + "".join(f"  - {problem}.\n" for problem in problems) + CONTAINER)
