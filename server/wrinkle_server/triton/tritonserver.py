"""Finding ``tritonserver`` and what its Python backend needs on this host.

Two homes are known. An NGC image has everything under ``/opt/tritonserver`` and is preferred, since only it runs
TensorRT. Elsewhere the wheel ``nvidia-pytriton`` brings the binary, the Python backend and one stub per Python version;
the binary is run directly, PyTriton's own API is not used.

Facts that shape this file, each verified on Triton 2.51: the stub must lie beside the backend library, so an own
backend folder of symlinks is made (site-packages stays untouched); the stub finds its interpreter as ``python3`` on
``PATH``; and ``LD_LIBRARY_PATH`` must name the folder of the interpreter's libpython, else the stub may load another.
"""

from __future__ import annotations

import ctypes.util
import importlib.util
import os
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wrinkle_core.errors import ServerStartError
from wrinkle_server.triton.trace_export import EXPORT_ENVIRONMENT

__all__ = ["TritonInstallation", "find_tritonserver", "libpython_available", "server_environment"]

_IMAGE: Final = Path("/opt/tritonserver")
_BACKEND_FILES: Final = ("libtriton_python.so", "triton_python_backend_utils.py")
_STUB: Final = "triton_python_backend_stub"
# glibc keeps freed memory per thread, and after one large allocation up to 64 MiB more. Photographs come in all sizes:
# with fixed thresholds their memory goes back at once, and what the processes hold stays as it was after warming up.
_GLIBC_MEMORY: Final = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(4 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(4 * 2**20),
}


@dataclass(frozen=True, slots=True)
class TritonInstallation:
    """One way to run Triton on this host.

    Attributes:
        binary: The ``tritonserver`` executable.
        python_backend: Files that together make a Python backend; empty when ``backends`` is complete as it is.
        backends: The installation's own backend folder.
        libraries: Folder with the libraries the backend needs, or None when the image provides them.
    """

    binary: Path
    backends: Path
    python_backend: tuple[Path, ...] = ()
    libraries: Path | None = None

    @property
    def from_wheel(self) -> bool:
        """True for the CPU server of the ``nvidia-pytriton`` wheel."""
        return bool(self.python_backend)

    def prepare_backends(self, folder: Path) -> Path:
        """Return a complete backend folder, made of symlinks under ``folder`` when the installation has none."""
        if not self.python_backend:
            return self.backends
        python = folder / "python"
        python.mkdir(parents=True)
        for file in self.python_backend:
            (python / file.name).symlink_to(file)
        return folder


def find_tritonserver() -> TritonInstallation:
    """Return the image's Triton when there is one, else the wheel's.

    Raises:
        ServerStartError: Neither is here, the wheel has no stub for this Python, or this Python has no libpython.
    """
    binary = _IMAGE / "bin" / "tritonserver"
    if binary.is_file():
        return TritonInstallation(binary, _IMAGE / "backends")
    package = importlib.util.find_spec("pytriton")  # found, never imported
    if package is None or not package.submodule_search_locations:
        raise ServerStartError(
            "No tritonserver is here. On Linux x86-64 install it with `pip install 'wrinkle-serving[serve]'`; "
            "elsewhere use NVIDIA's Triton container."
        )
    home = Path(package.submodule_search_locations[0])
    triton = home / "tritonserver"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    files = (
        *(triton / "backends" / "python" / name for name in _BACKEND_FILES),
        triton / "python_backend_stubs" / version / _STUB,
    )
    missing = [file.name for file in (triton / "bin" / "tritonserver", *files) if not file.is_file()]
    if missing:
        raise ServerStartError(
            f"The nvidia-pytriton package lacks {', '.join(missing)} for Python {version}; "
            "use CPython 3.10 to 3.12 and install 'wrinkle-serving[serve]' again."
        )
    if not libpython_available():
        raise ServerStartError(
            "This Python has no shared library (libpython3.x.so), which Triton's Python steps need; "
            "use the system's Python, or one from uv or conda."
        )
    return TritonInstallation(
        triton / "bin" / "tritonserver", triton / "backends", files, home.parent / "nvidia_pytriton.libs"
    )


def server_environment(installation: TritonInstallation) -> dict[str, str]:
    """Return the environment in which the server and its Python steps find this interpreter and its packages.

    Source of the memory settings: mallopt(3); an operator's own win.
    """
    libraries = [str(sysconfig.get_config_var("LIBDIR"))]
    if installation.libraries is not None:
        libraries.append(str(installation.libraries))
    passed_on = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    inherited = EXPORT_ENVIRONMENT | passed_on
    return (
        _GLIBC_MEMORY
        | inherited
        | {
            "PATH": os.pathsep.join(filter(None, (str(Path(sys.prefix) / "bin"), os.environ.get("PATH")))),
            "LD_LIBRARY_PATH": os.pathsep.join(filter(None, (*libraries, os.environ.get("LD_LIBRARY_PATH")))),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
    )


def libpython_available() -> bool:
    """Return whether this interpreter has the shared library that the Python backend's stub links to."""
    library = sysconfig.get_config_var("INSTSONAME") or ""
    if ".so" in library and Path(str(sysconfig.get_config_var("LIBDIR")), library).exists():
        return True
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return ctypes.util.find_library(version) is not None
