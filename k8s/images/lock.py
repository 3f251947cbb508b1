"""Locks what the images install: exact versions, each with the checksum of the one wheel that fits.

``python k8s/images/lock.py`` resolves anew, with the index that pip is configured for, and rewrites the files. Nothing
is installed. Each file fits one Python on x86-64: Debian 12 has 3.11, NVIDIA's Triton image (Ubuntu 24.04) has 3.12.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["BINDINGS", "LOCKS", "Lock", "locked", "locked_bindings"]

_HERE: Final = Path(__file__).resolve().parent
_CHECKOUT: Final = _HERE.parents[1]
_OLDEST_GLIBC_MINOR, _GLIBC_MINOR = 5, 36  # glibc 2.36 is Debian 12's; Ubuntu 24.04 has a newer one
_PLATFORMS: Final = (
    *(f"manylinux_2_{minor}" for minor in range(_GLIBC_MINOR, _OLDEST_GLIBC_MINOR - 1, -1)),
    *("manylinux2014", "manylinux2010", "manylinux1", "linux"),
)


@dataclass(frozen=True, slots=True)
class Lock:
    """One file of locked requirements.

    Attributes:
        file_name: In this folder.
        wanted: What is resolved; a dot is this project.
        python: Version of the image's Python.
        left_out: Packages that the image has otherwise or does not need.
        on: Lock of the image it is built on, whose packages are there already.
    """

    file_name: str
    wanted: tuple[str, ...]
    python: str
    left_out: tuple[str, ...] = ()
    on: str = ""


_PLAN_BUILDING: Final = ("onnx>=1.17", "onnxruntime>=1.20")  # what `wrinkle export tensorrt` needs of [export]
_GPU: Final = "requirements-server-gpu.txt"
LOCKS: Final = (
    Lock("requirements-server-cpu.txt", (".[serve,gateway]",), "3.11"),
    Lock(_GPU, (".[serve,gateway]",), "3.12", left_out=("nvidia-pytriton",)),
    Lock("requirements-plans.txt", (".[serve,gateway]", *_PLAN_BUILDING), "3.12", ("nvidia-pytriton",), on=_GPU),
    Lock("requirements-client.txt", (".",), "3.11"),
    Lock("requirements-sbom.txt", ("cyclonedx-bom>=7",), "3.11"),
    Lock("requirements-sbom-gpu.txt", ("cyclonedx-bom>=7",), "3.12"),
)
# TensorRT's Python bindings of every release that a Triton image from 26.07 on (CUDA 13) may hold, an install each.
BINDINGS: Final = "requirements-tensorrt.txt"
_BINDINGS_PACKAGE: Final = "tensorrt-cu13-bindings"
_BINDINGS_VERSIONS: Final = (
    *("10.16.0.72", "10.16.1.11"),
    *("11.0.0.114", "11.1.0.106", "11.2.1.2", "11.3.0.99", "11.4.0.106"),
)


def locked(lock: Lock) -> str:
    """Return the text of a lock, resolved now.

    Raises:
        subprocess.CalledProcessError: pip finds no set of versions, or no wheel of one.
    """
    there = (
        {line.partition("==")[0] for line in (_HERE / lock.on).read_text(encoding="utf-8").splitlines()}
        if lock.on
        else set()
    )
    return _head(" ".join(lock.wanted), lock.python) + "".join(
        line for line in _resolved(lock.wanted, lock.python, lock.left_out) if line.partition("==")[0] not in there
    )


def locked_bindings() -> str:
    """Return the text of the lock from which ``tensorrt_of_image.py`` takes one line.

    Raises:
        subprocess.CalledProcessError: A version has no wheel.
    """
    wanted = [f"{_BINDINGS_PACKAGE}=={version}" for version in _BINDINGS_VERSIONS]
    lines = [line for one in wanted for line in _resolved((one,), "3.12")]
    return _head(_BINDINGS_PACKAGE, "3.12") + "".join(lines)


def _head(wanted: str, python: str) -> str:
    return f"# Made by k8s/images/lock.py from {wanted} for CPython {python} on x86-64. Do not edit.\n"


def _resolved(wanted: Sequence[str], python: str, left_out: Sequence[str] = ()) -> list[str]:
    """Return a line for each package that pip would install, this project left out."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--only-binary=:all:", "--implementation=cp", f"--python-version={python}"]
        command += [f"--platform={platform}_x86_64" for platform in _PLATFORMS]
        command += [f"--target={folder}/target", f"--report={report}", "--constraint=requirements/tested.txt"]
        subprocess.run([*command, *wanted], cwd=_CHECKOUT, check=True)
        found = json.loads(report.read_text(encoding="utf-8"))["install"]
    lines = []
    for item in sorted(found, key=lambda item: item["metadata"]["name"].lower()):
        name = item["metadata"]["name"].lower().replace("_", "-")
        if name == "wrinkle-serving" or name in left_out:
            continue
        checksum = item["download_info"]["archive_info"]["hashes"]["sha256"]
        lines.append(f"{name}=={item['metadata']['version']} --hash=sha256:{checksum}\n")
    return lines


if __name__ == "__main__":
    for each in LOCKS:
        (_HERE / each.file_name).write_text(locked(each), encoding="utf-8")
    (_HERE / BINDINGS).write_text(locked_bindings(), encoding="utf-8")
