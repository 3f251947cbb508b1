"""On what a figure was taken: processor, system and versions. A figure without them means nothing."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import psutil

from wrinkle_server.triton.tritonserver import find_tritonserver

__all__ = ["Machine", "this_machine"]

_FLAGS: Final = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16", "amx_int8")
_PACKAGES: Final = (
    "wrinkle-serving", "openvino", "onnxruntime", "torch", "torchserve", "fastapi", "numpy", "opencv-python-headless",
    "pillow", "tritonclient", "nvidia-pytriton",
)  # fmt: skip
_GOVERNOR: Final = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
_GIB: Final = 2**30


@dataclass(frozen=True, slots=True)
class Machine:
    """Where and with what a figure was taken.

    Attributes:
        processor: As it calls itself.
        cores: That this process may use.
        flags: Instruction sets that matter to the networks.
        memory_gib: Of the machine.
        governor: Of the processor's frequency; empty where the system does not tell.
        load_before: Mean number of waiting processes in the minute before: above a few tenths, the machine was busy.
        system: Kernel and C library.
        python: Version.
        versions: Of the packages that take part and are installed.
        triton: ``wheel`` or ``image``.
        measured_at: ISO 8601 in UTC.
    """

    processor: str
    cores: int
    flags: tuple[str, ...]
    memory_gib: float
    governor: str
    load_before: float
    system: str
    python: str
    versions: dict[str, str]
    triton: str
    measured_at: str

    @property
    def kind(self) -> str:
        """Return what figures of two runs must share to be compared."""
        return f"{self.processor}, {self.cores} cores, {' '.join(self.flags)}"


def this_machine() -> Machine:
    """Describe this machine."""
    information = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    names = re.findall(r"^model name\s*: (.+)$", information, re.MULTILINE)
    lines = re.findall(r"^flags\s*: (.+)$", information, re.MULTILINE)
    flags = set(lines[0].split()) if lines else set()
    return Machine(
        processor=names[0].strip() if names else platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        flags=tuple(flag for flag in _FLAGS if flag in flags),
        memory_gib=round(psutil.virtual_memory().total / _GIB, 1),
        governor=_GOVERNOR.read_text(encoding="utf-8").strip() if _GOVERNOR.is_file() else "",
        load_before=round(os.getloadavg()[0], 2),
        system=f"{platform.system()} {platform.release()}, {' '.join(platform.libc_ver())}",
        python=platform.python_version(),
        versions={name: found for name in _PACKAGES if (found := _version(name))},
        triton="wheel" if find_tritonserver().from_wheel else "image",
        measured_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
