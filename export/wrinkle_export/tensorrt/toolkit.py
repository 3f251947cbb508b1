"""The seam between the plan builder's logic and what it runs on.

On a GPU host it holds ``tensorrt`` and executes plans on the GPU. ``tensorrt_rtx`` has the same interface for parsing
and building and does both on a CPU, so the same logic runs with it; its plans cannot be executed there, so whoever
makes such a toolkit says what runs in their place.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from wrinkle_export.tensorrt.builder_log import BuilderLog, builder_log, builder_name
from wrinkle_export.tensorrt.cuda_driver import CudaDriver
from wrinkle_export.tensorrt.engine import GpuEngine
from wrinkle_export.tensorrt.preflight import Gpu, find_gpu, import_builder

__all__ = ["OpenPlan", "RunPlan", "Toolkit", "gpu_toolkit"]

RunPlan = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
"""Maps (N, C, S, S) uint8 pixels to (N, S, S) uint8 probability times 255."""

OpenPlan = Callable[[bytes], AbstractContextManager[RunPlan]]
"""Loads a plan and yields what runs it."""


@dataclass(frozen=True, slots=True)
class Toolkit:
    """A builder and something that executes what it builds.

    Attributes:
        module: ``tensorrt``, or one with its interface.
        gpu: What plans are built for.
        open_plan: Loads a plan.
    """

    module: ModuleType
    gpu: Gpu
    open_plan: OpenPlan

    @property
    def version(self) -> str:
        """Return the builder's full version."""
        return str(self.module.__version__)

    @property
    def builder(self) -> str:
        """Return package and version, such as ``tensorrt 10.13.0``."""
        return builder_name(self.module)

    @property
    def log(self) -> BuilderLog:
        """Return the log of the module."""
        return builder_log(self.module)


def gpu_toolkit() -> Toolkit:
    """Return TensorRT on this machine's first visible GPU.

    Raises:
        NoGpuError: There is no driver or no GPU; nothing of TensorRT was imported.
        MissingExtraError: There is a GPU, but TensorRT is not installed.
    """
    gpu = find_gpu()
    module = import_builder("tensorrt", "tensorrt")
    return Toolkit(module, gpu, lambda plan: GpuEngine(module, builder_log(module), CudaDriver()).opened(plan))
