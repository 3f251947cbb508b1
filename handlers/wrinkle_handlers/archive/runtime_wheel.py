"""The code that serves a checkpoint, as a wheel: this installation's own packages, byte for byte.

The handler runs from it without installing it (Python imports from zip files), and pip installs it as well.

Source: PEP 427 and the binary distribution format of packaging.python.org.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from wrinkle_core.errors import ArtifactError
from wrinkle_handlers.archive.zip_file import write_zip

__all__ = ["RUNTIME_PACKAGES", "write_runtime_wheel"]

RUNTIME_PACKAGES: Final = ("wrinkle_core", "wrinkle_train", "wrinkle_export", "wrinkle_server", "wrinkle_handlers")
_SUFFIXES: Final = (".py", ".typed", ".lua", ".yaml", ".xml")
_NAME: Final = "wrinkle_serving_runtime"
_METADATA: Final = """\
Metadata-Version: 2.1
Name: wrinkle-serving-runtime
Version: {version}
Summary: What wrinkle-serving's TorchServe handler runs; its requirements are beside it in the archive.
License: Apache-2.0
Requires-Python: >=3.10
"""
_WHEEL: Final = """\
Wheel-Version: 1.0
Generator: wrinkle-serving
Root-Is-Purelib: true
Tag: py3-none-any
"""


def write_runtime_wheel(folder: Path) -> Path:
    """Write the wheel into ``folder`` and return its path.

    Raises:
        ArtifactError: A package is not here as files, or the wheel cannot be written.
    """
    release = version("wrinkle-serving")
    information = f"{_NAME}-{release}.dist-info"
    members: dict[str, bytes] = {
        name: path.read_bytes() for package in RUNTIME_PACKAGES for name, path in _sources(package)
    }
    members[f"{information}/METADATA"] = _METADATA.format(version=release).encode()
    members[f"{information}/WHEEL"] = _WHEEL.encode()
    members[f"{information}/RECORD"] = _record(members, f"{information}/RECORD")
    wheel = folder / f"{_NAME}-{release}-py3-none-any.whl"
    write_zip(wheel, members)
    return wheel


def _sources(package: str) -> Iterator[tuple[str, Path]]:
    """Yield every source file of a package by its name in the wheel."""
    found = find_spec(package)
    homes = [Path(home) for home in (found.submodule_search_locations or [])] if found is not None else []
    if not homes or not homes[0].is_dir():
        raise ArtifactError(f"The package {package} is not here as files; install wrinkle-serving from its wheel.")
    for path in homes[0].rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts and path.suffix in _SUFFIXES:
            yield f"{package}/{path.relative_to(homes[0]).as_posix()}", path


def _record(members: dict[str, bytes], own_name: str) -> bytes:
    lines = []
    for name in sorted(members):
        digest = base64.urlsafe_b64encode(hashlib.sha256(members[name]).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(members[name])}")
    return ("\n".join([*lines, f"{own_name},,"]) + "\n").encode()
