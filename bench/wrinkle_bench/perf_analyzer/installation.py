"""``perf_analyzer`` on this machine: taken out of a wheel once, checked by sha256, kept in the user's cache.

The wheel of ``tritonclient`` 2.51.0 carries the newest one that runs on glibc 2.36. It is never installed: the client
of this environment is a newer one. The program wants ``libb64.so.0d`` and ``libcudart.so.12``; the wheel that brings
``tritonserver`` has both, under names with a hash, so links with the wanted names are made beside the program.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock

from wrinkle_bench.storage import bench_cache
from wrinkle_core.errors import ArtifactError
from wrinkle_core.wheel_download import download_wheel
from wrinkle_server.triton.tritonserver import find_tritonserver

__all__ = ["PerfAnalyzer", "install_perf_analyzer"]

VERSION: Final = "2.51.0"
_WHEEL_SHA256: Final = "c485bb0123bdf310f90bc8b03d3489b28df2ffed55b30c7eee0b795b48113d52"
_PROGRAM_SHA256: Final = "a8e3fa6d2fcd535770f18fa3c9baf21aee85697352637d24c6b2818401c95a34"
_MEMBER: Final = f"tritonclient-{VERSION}.data/data/bin/perf_analyzer"
_LIBRARIES: Final = {"libb64.so.0d": "libb64-*.so.0d", "libcudart.so.12": "libcudart-*.so.12*"}
_PIP_OPTIONS: Final = ("--platform", "manylinux1_x86_64")


@dataclass(frozen=True, slots=True)
class PerfAnalyzer:
    """The program, ready to run.

    Attributes:
        program: Executable file.
        libraries: Folder that ``LD_LIBRARY_PATH`` must name.
    """

    program: Path
    libraries: Path

    def environment(self) -> dict[str, str]:
        """Return the environment it runs in."""
        inherited = os.environ.get("LD_LIBRARY_PATH")
        return os.environ | {"LD_LIBRARY_PATH": os.pathsep.join(filter(None, (str(self.libraries), inherited)))}


def install_perf_analyzer(*, from_wheel: Path | None = None, timeout_s: float = 300.0) -> PerfAnalyzer:
    """Return the program, fetched with pip from the user's package index unless it is here already.

    Args:
        from_wheel: That wheel at hand, for hosts without a package index.
        timeout_s: Limit for the download.

    Raises:
        ArtifactError: The download failed, the wheel is another one, or a library is missing.
        ServerStartError: No tritonserver is here, whose wheel has the libraries.
    """
    home = bench_cache() / f"perf_analyzer-{VERSION}"
    home.mkdir(parents=True, exist_ok=True)
    program = home / "perf_analyzer"
    with FileLock(home / ".lock", timeout=timeout_s):
        if not program.is_file() or _sha256(program) != _PROGRAM_SHA256:
            if from_wheel is not None:
                _unpack(from_wheel, program)
            else:
                with tempfile.TemporaryDirectory(prefix="wrinkle-bench-") as scratch:
                    _unpack(_download(Path(scratch), timeout_s), program)
        return PerfAnalyzer(program, _linked_libraries(home / "lib"))


def _download(scratch: Path, timeout_s: float) -> Path:
    remedy = "check the network, or download that wheel elsewhere and give it with --perf-analyzer-wheel."
    return download_wheel("tritonclient", VERSION, _PIP_OPTIONS, scratch, timeout_s=timeout_s, remedy=remedy)


def _unpack(wheel: Path, program: Path) -> None:
    if not wheel.is_file() or _sha256(wheel) != _WHEEL_SHA256:
        raise ArtifactError(
            f"{wheel.name} is not the wheel expected; take tritonclient {VERSION} for manylinux1_x86_64."
        )
    partial = program.with_name(f".{program.name}.partial")
    with zipfile.ZipFile(wheel) as archive, archive.open(_MEMBER) as source, partial.open("wb") as target:
        shutil.copyfileobj(source, target)
    if _sha256(partial) != _PROGRAM_SHA256:
        raise ArtifactError("The perf_analyzer in the wheel is not the program expected.")
    partial.chmod(0o755)
    os.replace(partial, program)


def _linked_libraries(folder: Path) -> Path:
    """Fill ``folder`` with links; an image that is not the wheel has the libraries in the system's own folders."""
    folder.mkdir(exist_ok=True)
    source = find_tritonserver().libraries
    for name, pattern in _LIBRARIES.items() if source is not None else ():
        assert source is not None
        found = sorted(source.glob(pattern))
        if not found:
            raise ArtifactError(
                f"The nvidia-pytriton package lacks {name}, which perf_analyzer needs; install it anew."
            )
        link, fresh = folder / name, folder / f".{name}.partial"
        if not link.is_symlink() or link.readlink() != found[0]:
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(found[0])
            os.replace(fresh, link)
    return folder


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
