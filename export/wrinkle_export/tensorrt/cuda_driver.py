"""NVIDIA's driver through ctypes: which GPU there is, and memory on it.

Only ``libcuda.so.1`` is opened, so this is safe on a machine without a GPU, where importing more than that can crash.

Source: CUDA Driver API reference, "Initialization", "Device Management", "Memory Management".
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wrinkle_core.errors import ArtifactError, MissingExtraError

__all__ = ["CudaDriver", "NoGpuError"]

_LIBRARY: Final = "libcuda.so.1"
_NAME_BYTES: Final = 256
_COMPUTE_CAPABILITY_MAJOR: Final = 75  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
_COMPUTE_CAPABILITY_MINOR: Final = 76
_Address = ctypes.c_uint64
_SIGNATURES: Final = {
    "cuInit": (ctypes.c_uint,),
    "cuDriverGetVersion": (ctypes.POINTER(ctypes.c_int),),
    "cuDeviceGetCount": (ctypes.POINTER(ctypes.c_int),),
    "cuDeviceGet": (ctypes.POINTER(ctypes.c_int), ctypes.c_int),
    "cuDeviceGetName": (ctypes.c_char_p, ctypes.c_int, ctypes.c_int),
    "cuDeviceGetAttribute": (ctypes.POINTER(ctypes.c_int), ctypes.c_int, ctypes.c_int),
    "cuDevicePrimaryCtxRetain": (ctypes.POINTER(ctypes.c_void_p), ctypes.c_int),
    "cuDevicePrimaryCtxRelease_v2": (ctypes.c_int,),
    "cuCtxSetCurrent": (ctypes.c_void_p,),
    "cuStreamCreate": (ctypes.POINTER(ctypes.c_void_p), ctypes.c_uint),
    "cuStreamSynchronize": (ctypes.c_void_p,),
    "cuStreamDestroy_v2": (ctypes.c_void_p,),
    "cuMemAlloc_v2": (ctypes.POINTER(_Address), ctypes.c_size_t),
    "cuMemFree_v2": (_Address,),
    "cuMemcpyHtoD_v2": (_Address, ctypes.c_void_p, ctypes.c_size_t),
    "cuMemcpyDtoH_v2": (ctypes.c_void_p, _Address, ctypes.c_size_t),
}


class NoGpuError(MissingExtraError):
    """This machine has no NVIDIA driver, or the driver finds no GPU."""


class CudaDriver:
    """The driver of this machine, initialised.

    Args:
        load: Opens a shared library by name.

    Raises:
        NoGpuError: There is no driver, or it does not start.
    """

    def __init__(self, load: Callable[[str], Any] = ctypes.CDLL) -> None:
        try:
            self._library = load(_LIBRARY)
        except OSError:
            raise NoGpuError(f"This machine has no NVIDIA driver: {_LIBRARY} is not installed.") from None
        for name, arguments in _SIGNATURES.items():
            function = getattr(self._library, name)
            function.argtypes, function.restype = arguments, ctypes.c_int
        if code := self._library.cuInit(0):
            raise NoGpuError(f"The NVIDIA driver does not start (cuInit returned {code}).")

    @property
    def version(self) -> str:
        """Return the CUDA version the driver speaks, such as ``12.4``."""
        version = ctypes.c_int()
        self._call("cuDriverGetVersion", ctypes.byref(version))
        return f"{version.value // 1000}.{version.value % 1000 // 10}"

    def device(self) -> int:
        """Return the first device that ``CUDA_VISIBLE_DEVICES`` leaves visible.

        Raises:
            NoGpuError: There is none.
        """
        count, device = ctypes.c_int(), ctypes.c_int()
        self._call("cuDeviceGetCount", ctypes.byref(count))
        if count.value < 1:
            raise NoGpuError("The NVIDIA driver is installed, but it finds no GPU.")
        self._call("cuDeviceGet", ctypes.byref(device), 0)
        return device.value

    def device_name(self, device: int) -> str:
        """Return the name the driver has for a device, such as ``NVIDIA L4``."""
        name = ctypes.create_string_buffer(_NAME_BYTES)
        self._call("cuDeviceGetName", name, _NAME_BYTES, device)
        return name.value.decode("utf-8", "replace")

    def compute_capability(self, device: int) -> str:
        """Return a device's compute capability, such as ``8.9``."""
        parts = []
        for attribute in (_COMPUTE_CAPABILITY_MAJOR, _COMPUTE_CAPABILITY_MINOR):
            value = ctypes.c_int()
            self._call("cuDeviceGetAttribute", ctypes.byref(value), attribute, device)
            parts.append(str(value.value))
        return ".".join(parts)

    @contextmanager
    def stream(self, device: int) -> Iterator[int]:
        """Make a device's primary context current and yield a stream on it."""
        context, stream = ctypes.c_void_p(), ctypes.c_void_p()
        self._call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
        try:
            self._call("cuCtxSetCurrent", context)
            self._call("cuStreamCreate", ctypes.byref(stream), 0)
            try:
                yield stream.value or 0
            finally:
                self._call("cuStreamDestroy_v2", stream)
        finally:
            self._call("cuDevicePrimaryCtxRelease_v2", device)

    def wait(self, stream: int) -> None:
        """Block until everything queued on ``stream`` is done."""
        self._call("cuStreamSynchronize", stream)

    @contextmanager
    def memory(self, size_bytes: int) -> Iterator[int]:
        """Yield the address of so many bytes on the device."""
        address = _Address()
        self._call("cuMemAlloc_v2", ctypes.byref(address), size_bytes)
        try:
            yield address.value
        finally:
            self._call("cuMemFree_v2", address)

    def to_device(self, values: NDArray[np.uint8], address: int) -> None:
        """Copy C-contiguous values to the device."""
        self._call("cuMemcpyHtoD_v2", address, values.ctypes.data, values.nbytes)

    def from_device(self, address: int, values: NDArray[np.uint8]) -> None:
        """Fill C-contiguous values from the device."""
        self._call("cuMemcpyDtoH_v2", values.ctypes.data, address, values.nbytes)

    def _call(self, name: str, *arguments: Any) -> None:
        if code := getattr(self._library, name)(*arguments):
            raise ArtifactError(f"The NVIDIA driver refused {name} with code {code}.")
