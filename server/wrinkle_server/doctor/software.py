"""Whether what serving is made of is installed here, in versions that work together."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from wrinkle_core.assets import locate_assets
from wrinkle_core.contract import SEGMENTERS
from wrinkle_core.errors import WrinkleError
from wrinkle_export.repository.choice import bundled_network
from wrinkle_server.doctor.finding import Finding, judge
from wrinkle_server.triton.tritonserver import find_tritonserver, libpython_available

__all__ = ["findings"]

_MIN_GLIBC: Final = (2, 35)
_FAST_CPU_FLAGS: Final = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")


def findings() -> Iterator[Finding]:
    """Yield one finding per part."""
    yield _platform()
    yield _processor()
    yield _glibc()
    yield _python()
    yield _libpython()
    yield _numpy()
    yield _tritonserver()
    yield _face_networks()
    yield _weights()


def _platform() -> Finding:
    good = sys.platform == "linux" and platform.machine() == "x86_64"
    remedy = "Serve on Linux x86-64, or run the container there."
    return judge("platform", good, f"{platform.system()} {platform.machine()}", remedy)


def _processor() -> Finding:
    information = Path("/proc/cpuinfo")
    flags = information.read_text(encoding="utf-8").split() if information.is_file() else []
    fast = [flag for flag in _FAST_CPU_FLAGS if flag in flags]
    found = f"{len(os.sched_getaffinity(0))} cores; {' '.join(fast) or 'no vector extensions'}"
    return judge("processor", "avx2" in fast, found, "Without AVX2 a photograph takes many seconds.", "warning")


def _glibc() -> Finding:
    name, version = platform.libc_ver()
    good = name == "glibc" and tuple(int(part) for part in version.split(".")[:2]) >= _MIN_GLIBC
    return judge("C library", good, f"{name or 'unknown'} {version}".strip(), "The server needs glibc 2.35 or newer.")


def _python() -> Finding:
    good = platform.python_implementation() == "CPython" and (3, 10) <= sys.version_info[:2] <= (3, 12)
    found = f"{platform.python_implementation()} {platform.python_version()}"
    return judge("Python", good, found, "Use CPython 3.10, 3.11 or 3.12.")


def _libpython() -> Finding:
    good = libpython_available()
    remedy = "Use a Python built with --enable-shared: the system's, or one from uv or conda."
    return judge("libpython", good, "shared library found" if good else "no shared library", remedy)


def _numpy() -> Finding:
    version = importlib.metadata.version("numpy")
    remedy = "Install 'numpy<2': with 2 Triton 2.51 answers with empty outputs."
    return judge("NumPy", int(version.split(".")[0]) < 2, version, remedy)


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
    return judge("weights", not missing, found, "Give `wrinkle serve` an ONNX file with --onnx NAME=PATH.")
