from __future__ import annotations

import ctypes
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from wrinkle_core.errors import MissingExtraError
from wrinkle_export.tensorrt.cuda_driver import CudaDriver, NoGpuError
from wrinkle_export.tensorrt.preflight import Gpu, find_gpu, import_builder

COMPUTE_CAPABILITY = {75: 8, 76: 9}
NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE

WITHOUT_A_GPU = """
import sys
from wrinkle_export.tensorrt.cuda_driver import NoGpuError
from wrinkle_export.tensorrt.toolkit import gpu_toolkit
try:
    gpu_toolkit()
except NoGpuError as error:
    print(error)
    print([name for name in sys.modules if name.startswith("tensorrt")])
"""


def _load(library: SimpleNamespace) -> Callable[[str], Any]:
    def load(name: str) -> SimpleNamespace:
        assert name == "libcuda.so.1"
        return library

    return load


def _driver_library(devices: int = 1, starts: int = 0) -> SimpleNamespace:
    """Return C functions with the driver's signatures over this process's own memory: a driver that fits in a test."""
    kept: dict[int, Any] = {}
    number, word, address = ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_void_p), ctypes.c_uint64

    def store(pointer: Any, value: int) -> int:
        pointer[0] = value
        return 0

    def name(buffer: int, size: int, device: int) -> int:
        ctypes.memmove(buffer, b"NVIDIA L4\0", 10)
        return 0

    def allocate(pointer: Any, size: int) -> int:
        block = ctypes.create_string_buffer(size)
        kept[ctypes.addressof(block)] = block
        return store(pointer, ctypes.addressof(block))

    def copy(target: int, source: int, size: int) -> int:
        ctypes.memmove(target, source, size)
        return 0

    def function(body: Callable[..., int], *arguments: Any) -> Any:
        return ctypes.CFUNCTYPE(ctypes.c_int, *arguments)(body)

    return SimpleNamespace(
        cuInit=function(lambda flags: starts, ctypes.c_uint),
        cuDriverGetVersion=function(lambda version: store(version, 12040), number),
        cuDeviceGetCount=function(lambda count: store(count, devices), number),
        cuDeviceGet=function(lambda device, ordinal: store(device, ordinal), number, ctypes.c_int),
        cuDeviceGetName=function(name, ctypes.c_void_p, ctypes.c_int, ctypes.c_int),
        cuDeviceGetAttribute=function(
            lambda value, attribute, device: store(value, COMPUTE_CAPABILITY[attribute]),
            number,
            ctypes.c_int,
            ctypes.c_int,
        ),
        cuDevicePrimaryCtxRetain=function(lambda context, device: store(context, 1), word, ctypes.c_int),
        cuDevicePrimaryCtxRelease_v2=function(lambda device: 0, ctypes.c_int),
        cuCtxSetCurrent=function(lambda context: 0, ctypes.c_void_p),
        cuStreamCreate=function(lambda stream, flags: store(stream, 7), word, ctypes.c_uint),
        cuStreamSynchronize=function(lambda stream: 0, ctypes.c_void_p),
        cuStreamDestroy_v2=function(lambda stream: 0, ctypes.c_void_p),
        cuMemAlloc_v2=function(allocate, ctypes.POINTER(address), ctypes.c_size_t),
        cuMemFree_v2=function(lambda where: 0 if kept.pop(where, None) else 1, address),
        cuMemcpyHtoD_v2=function(copy, address, ctypes.c_void_p, ctypes.c_size_t),
        cuMemcpyDtoH_v2=function(copy, ctypes.c_void_p, address, ctypes.c_size_t),
    )


def test_a_machine_without_a_driver_is_told_so() -> None:
    with pytest.raises(NoGpuError, match=r"no NVIDIA driver: libcuda\.so\.1"):
        find_gpu(lambda name: ctypes.CDLL("libcuda-of-no-machine.so"))


def test_a_driver_that_does_not_start_is_told_with_its_code() -> None:
    with pytest.raises(NoGpuError, match="cuInit returned 100"):
        find_gpu(_load(_driver_library(starts=NO_DEVICE)))


def test_a_driver_without_a_gpu_is_told_so() -> None:
    with pytest.raises(NoGpuError, match="finds no GPU"):
        find_gpu(_load(_driver_library(devices=0)))


def test_a_gpu_is_known_by_name_compute_capability_and_driver() -> None:
    assert find_gpu(_load(_driver_library())) == Gpu("NVIDIA L4", "8.9", "12.4")


def test_bytes_come_back_from_the_device_as_they_went_there() -> None:
    driver = CudaDriver(_load(_driver_library()))
    there = np.arange(1000, dtype=np.uint8)
    back = np.zeros_like(there)
    with driver.stream(driver.device()) as stream, driver.memory(there.nbytes) as address:
        driver.to_device(there, address)
        driver.wait(stream)
        driver.from_device(address, back)
    assert np.array_equal(there, back)


def test_nothing_of_tensorrt_is_imported_where_there_is_no_gpu() -> None:
    child = subprocess.run(
        [sys.executable, "-c", WITHOUT_A_GPU],
        env={"CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert child.stdout.splitlines()[-1] == "[]"


def test_a_gpu_without_tensorrt_gets_the_pip_line() -> None:
    with pytest.raises(MissingExtraError, match=r"is not installed.*pip install 'wrinkle-serving\[tensorrt\]'"):
        import_builder("tensorrt_of_no_machine", "tensorrt")
