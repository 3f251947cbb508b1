"""Zip files whose bytes follow from their contents alone: members sorted, with one date and one mode."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from wrinkle_core.errors import ArtifactError

__all__ = ["write_zip", "zip_member"]

_DATE: Final = (1980, 1, 1, 0, 0, 0)  # the first one that a zip file can tell
_MODE: Final = 0o644


def write_zip(path: Path, members: Mapping[str, bytes | Path]) -> None:
    """Write ``members`` by their names in the file, from memory or from disk; the file is replaced at once.

    Raises:
        ArtifactError: A member cannot be read, or the file cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(partial, "w") as archive:
            for name in sorted(members):
                content = members[name]
                data = content.read_bytes() if isinstance(content, Path) else content
                archive.writestr(zip_member(name), data, compresslevel=6)
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ArtifactError(f"{path.name} cannot be written: {error.strerror}.") from error


def zip_member(name: str) -> zipfile.ZipInfo:
    """Return how a member is described, whenever and by whomever it is written."""
    member = zipfile.ZipInfo(name, _DATE)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = _MODE << 16
    member.create_system = 3  # Unix, whatever writes it
    return member
