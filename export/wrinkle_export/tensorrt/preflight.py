"""What a plan needs, looked for before TensorRT is imported.

On a machine without a GPU ``tensorrt.Runtime`` crashes the process and ``tensorrt.Builder`` raises an error that says
nothing, so the driver is asked first.
"""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from wrinkle_core.errors import MissingExtraError
from wrinkle_export.tensorrt.cuda_driver import CudaDriver

__all__ = ["Gpu", "find_gpu", "import_builder"]


@dataclass(frozen=True, slots=True)
class Gpu:
    """The GPU a plan is built on.

    Attributes:
        name: As the driver names it.
        compute_capability: Such as ``8.9``.
        driver_version: CUDA version the driver speaks, such as ``12.4``.
    """

    name: str
    compute_capability: str
    driver_version: str


def find_gpu(load: Callable[[str], Any] = ctypes.CDLL) -> Gpu:
    """Return the first visible GPU.

    Args:
        load: Opens a shared library by name.

    Raises:
        NoGpuError: There is no driver or no GPU.
    """
    driver = CudaDriver(load)
    device = driver.device()
    return Gpu(driver.device_name(device), driver.compute_capability(device), driver.version)


def import_builder(package: str, extra: str) -> ModuleType:
    """Import ``tensorrt``, or ``tensorrt_rtx``.

    Args:
        package: The module's name.
        extra: The extra of wrinkle-serving that installs it.

    Raises:
        MissingExtraError: It is not installed, or the libraries it wraps are not.
    """
    try:
        return importlib.import_module(package)
    except (ImportError, OSError) as error:
        reason = "is not installed" if isinstance(error, ModuleNotFoundError) else f"does not load ({error})"
        raise MissingExtraError(
            f"{package} {reason}. Install it with: pip install 'wrinkle-serving[{extra}]'"
        ) from None
