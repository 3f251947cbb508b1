"""Executing a plan on the GPU, to compare it before it is published.

Source: TensorRT documentation, ``IExecutionContext.execute_async_v3``; the same in versions 10 and 11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wrinkle_core.errors import ArtifactError
from wrinkle_export.tensorrt.builder_log import BuilderLog
from wrinkle_export.tensorrt.cuda_driver import CudaDriver

__all__ = ["GpuEngine"]


class GpuEngine:
    """Runs plans of networks with one input ``INPUT`` and one output ``PROBABILITY``.

    Args:
        module: ``tensorrt``.
        log: The process's log for it.
        driver: The NVIDIA driver.
    """

    def __init__(self, module: ModuleType, log: BuilderLog, driver: CudaDriver) -> None:
        self._module = module
        self._log = log
        self._driver = driver

    @contextmanager
    def opened(self, plan: bytes) -> Iterator[Callable[[NDArray[np.uint8]], NDArray[np.uint8]]]:
        """Load a plan and yield a function from (N, C, S, S) to (N, S, S) uint8.

        Raises:
            ArtifactError: TensorRT cannot load it here.
        """
        with self._driver.stream(self._driver.device()) as stream:
            runtime = self._module.Runtime(self._log.logger)
            runtime.engine_host_code_allowed = True  # a version-compatible plan carries its own runtime; we built it
            engine = runtime.deserialize_cuda_engine(plan)
            context = engine.create_execution_context() if engine is not None else None
            if context is None:
                raise ArtifactError(f"TensorRT built a plan that it cannot load on this GPU: {self._log.last_error}")
            yield lambda pixels: self._run(context, stream, pixels)

    def _run(self, context: Any, stream: int, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        pixels = np.ascontiguousarray(pixels)
        if not context.set_input_shape("INPUT", pixels.shape):
            raise ArtifactError(f"The plan does not take an input of shape {pixels.shape}.")
        answer = np.empty(tuple(context.get_tensor_shape("PROBABILITY")), np.uint8)
        with self._driver.memory(pixels.nbytes) as source, self._driver.memory(answer.nbytes) as target:
            self._driver.to_device(pixels, source)
            context.set_tensor_address("INPUT", source)
            context.set_tensor_address("PROBABILITY", target)
            if not context.execute_async_v3(stream):
                raise ArtifactError(f"The plan did not run: {self._log.last_error}")
            self._driver.wait(stream)
            self._driver.from_device(target, answer)
        return answer
