"""Prints the line of a lock whose TensorRT bindings are of the TensorRT that this image holds.

A plan is valid for one TensorRT version, so the builder's is not chosen: it is that of the server image, whose library
is asked. Used while ``plans.Containerfile`` is built, with nothing but the standard library.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

__all__ = ["bindings_line", "library_version"]

_MAJORS: Final = range(20, 9, -1)


def library_version(load: Callable[[str], Any] = ctypes.CDLL) -> str:
    """Return the version of this image's ``libnvinfer``, such as ``11.1.0``.

    Args:
        load: Opens a shared library by name.

    Raises:
        LookupError: There is none.
    """
    for major in _MAJORS:
        try:
            number = int(load(f"libnvinfer.so.{major}").getInferLibVersion())
        except OSError:
            continue
        return f"{number // 10_000}.{number // 100 % 100}.{number % 100}"
    raise LookupError("This image has no TensorRT: no libnvinfer.so of version 10 or newer can be loaded.")


def bindings_line(lines: Iterable[str], version: str) -> str:
    """Return the newest line of a lock for a version.

    Raises:
        LookupError: The lock has none.
    """
    found = [line for line in lines if line.partition("==")[2].startswith(f"{version}.")]
    if not found:
        raise LookupError(
            f"This image has TensorRT {version}, for which the lock has no bindings: add the version to "
            "_BINDINGS_VERSIONS in k8s/images/lock.py and run it."
        )
    return found[-1]


if __name__ == "__main__":
    try:
        sys.stdout.write(bindings_line(Path(sys.argv[1]).read_text().splitlines(), library_version()) + "\n")
    except LookupError as error:
        sys.exit(str(error))
