"""What a machine needs to serve, each thing checked by itself.

A *failure* keeps ``wrinkle serve`` from working with its defaults; a *warning* makes it slower or fragile.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from wrinkle_core.assets import locate_assets
from wrinkle_core.contract import SEGMENTERS
from wrinkle_core.errors import WrinkleError
from wrinkle_export.repository.choice import bundled_network
from wrinkle_server.triton.leftovers import SHARED_MEMORY
from wrinkle_server.triton.options import LOOPBACK
from wrinkle_server.triton.ports import port_is_free
from wrinkle_server.triton.tritonserver import find_tritonserver, libpython_available

__all__ = ["Finding", "Verdict", "examine"]

Verdict = Literal["ok", "warning", "failure"]
_MIN_GLIBC: Final = (2, 35)
_MIN_SHARED_MEMORY_BYTES: Final = 256 * 1024 * 1024
_DEFAULT_PORTS: Final = (8000, 8001, 8002)
_FAST_CPU_FLAGS: Final = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; ``remedy`` is empty when all is well."""

    subject: str
    verdict: Verdict
    found: str
    remedy: str = ""


def examine() -> tuple[Finding, ...]:
    """Return one finding per check."""
    checks: tuple[Callable[[], Finding], ...] = (
        _platform,
        _glibc,
        _python,
        _libpython,
        _numpy,
        _tritonserver,
        _face_networks,
        _weights,
        _ports,
        _shared_memory,
        _processor,
    )
    return tuple(check() for check in checks)


def _judge(subject: str, good: bool, found: str, remedy: str, bad: Verdict = "failure") -> Finding:
    return Finding(subject, "ok", found) if good else Finding(subject, bad, found, remedy)


def _platform() -> Finding:
    good = sys.platform == "linux" and platform.machine() == "x86_64"
    remedy = "Serve on Linux x86-64, or run the container there."
    return _judge("platform", good, f"{platform.system()} {platform.machine()}", remedy)


def _glibc() -> Finding:
    name, version = platform.libc_ver()
    good = name == "glibc" and tuple(int(part) for part in version.split(".")[:2]) >= _MIN_GLIBC
    return _judge("C library", good, f"{name or 'unknown'} {version}".strip(), "The server needs glibc 2.35 or newer.")


def _python() -> Finding:
    good = platform.python_implementation() == "CPython" and (3, 10) <= sys.version_info[:2] <= (3, 12)
    found = f"{platform.python_implementation()} {platform.python_version()}"
    return _judge("Python", good, found, "Use CPython 3.10, 3.11 or 3.12.")


def _libpython() -> Finding:
    good = libpython_available()
    remedy = "Use a Python built with --enable-shared: the system's, or one from uv or conda."
    return _judge("libpython", good, "shared library found" if good else "no shared library", remedy)


def _numpy() -> Finding:
    version = importlib.metadata.version("numpy")
    remedy = "Install 'numpy<2': with 2 Triton 2.51 answers with empty outputs."
    return _judge("NumPy", int(version.split(".")[0]) < 2, version, remedy)


def _tritonserver() -> Finding:
    try:
        installation = find_tritonserver()
    except WrinkleError as error:
        return Finding("tritonserver", "failure", "not found", str(error))
    return Finding("tritonserver", "ok", "nvidia-pytriton wheel" if installation.from_wheel else "NVIDIA's image")


def _face_networks() -> Finding:
    try:
        locate_assets()
    except WrinkleError as error:
        return Finding("face networks", "failure", "missing", str(error))
    return Finding("face networks", "ok", "fetched")


def _weights() -> Finding:
    missing = []
    for spec in SEGMENTERS:
        try:
            bundled_network(spec.name)
        except WrinkleError:
            missing.append(spec.name)
    found = f"missing for {', '.join(missing)}" if missing else ", ".join(spec.name for spec in SEGMENTERS)
    return _judge("weights", not missing, found, "Give `wrinkle serve` an ONNX file with --onnx NAME=PATH.")


def _ports() -> Finding:
    taken = [str(port) for port in _DEFAULT_PORTS if not port_is_free(LOOPBACK, port)]
    found = f"{', '.join(taken)} taken" if taken else "8000, 8001, 8002 free"
    remedy = "Perhaps a server runs already; else choose others with --http-port, --grpc-port, --metrics-port."
    return _judge("ports", not taken, found, remedy, "warning")


def _shared_memory() -> Finding:
    if not SHARED_MEMORY.is_dir():
        return Finding("shared memory", "failure", "no /dev/shm", "Mount a tmpfs at /dev/shm.")
    free = shutil.disk_usage(SHARED_MEMORY).free
    remedy = "Give /dev/shm 256 MiB or more, in containers with --shm-size."
    return _judge("shared memory", free >= _MIN_SHARED_MEMORY_BYTES, f"{free / 2**20:,.0f} MiB free", remedy, "warning")


def _processor() -> Finding:
    information = Path("/proc/cpuinfo")
    flags = information.read_text(encoding="utf-8").split() if information.is_file() else []
    fast = [flag for flag in _FAST_CPU_FLAGS if flag in flags]
    found = f"{len(os.sched_getaffinity(0))} cores; {' '.join(fast) or 'no vector extensions'}"
    return _judge("processor", "avx2" in fast, found, "Without AVX2 a photograph takes many seconds.", "warning")
