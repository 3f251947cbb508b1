"""Locks what the images install: exact versions, each with the checksum of the one wheel that fits.

``python k8s/images/lock.py`` resolves anew, with the index that pip is configured for, and rewrites the files. Nothing
is installed. Each file fits one Python on x86-64: Debian 12 has 3.11, NVIDIA's Triton image (Ubuntu 24.04) has 3.12.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["LOCKS", "Lock", "locked"]

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
    """

    file_name: str
    wanted: tuple[str, ...]
    python: str
    left_out: tuple[str, ...] = ()


_PLAN_BUILDING: Final = ("onnx>=1.17", "onnxruntime>=1.20")  # what `wrinkle export tensorrt` needs of [export]
LOCKS: Final = (
    Lock("requirements-server-cpu.txt", (".[serve,gateway]",), "3.11"),
    Lock("requirements-server-gpu.txt", (".[serve,gateway]", *_PLAN_BUILDING), "3.12", left_out=("nvidia-pytriton",)),
    Lock("requirements-client.txt", (".",), "3.11"),
    Lock("requirements-sbom.txt", ("cyclonedx-bom>=7",), "3.11"),
    Lock("requirements-sbom-gpu.txt", ("cyclonedx-bom>=7",), "3.12"),
)


def locked(lock: Lock) -> str:
    """Return the text of a lock, resolved now.

    Raises:
        subprocess.CalledProcessError: pip finds no set of versions, or no wheel of one.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--only-binary=:all:", "--implementation=cp", f"--python-version={lock.python}"]
        command += [f"--platform={platform}_x86_64" for platform in _PLATFORMS]
        command += [f"--target={folder}/target", f"--report={report}", "--constraint=requirements/tested.txt"]
        subprocess.run([*command, *lock.wanted], cwd=_CHECKOUT, check=True)
        found = json.loads(report.read_text(encoding="utf-8"))["install"]
    lines = [
        f"# Made by k8s/images/lock.py from {' '.join(lock.wanted)} for CPython {lock.python} on x86-64. Do not edit."
    ]
    for item in sorted(found, key=lambda item: item["metadata"]["name"].lower()):
        name = item["metadata"]["name"].lower().replace("_", "-")
        if name == "wrinkle-serving" or name in lock.left_out:
            continue
        checksum = item["download_info"]["archive_info"]["hashes"]["sha256"]
        lines.append(f"{name}=={item['metadata']['version']} --hash=sha256:{checksum}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for each in LOCKS:
        (_HERE / each.file_name).write_text(locked(each), encoding="utf-8")
