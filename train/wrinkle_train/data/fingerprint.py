"""One hash for a set of files, to name in a run record what a run was trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from wrinkle_core.errors import ContractError
from wrinkle_train.data.records import PhotoRecord

__all__ = ["file_sha256", "files_sha256", "records_sha256"]

_CHUNK_BYTES = 1 << 20


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file.

    Raises:
        ContractError: It cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError:
        raise ContractError(f"{path.name} is missing or cannot be read.") from None
    return digest.hexdigest()


def files_sha256(files: Iterable[tuple[str, Path]]) -> str:
    """Return one sha256 of named files: it changes with any name or content, not with their order or folder."""
    lines = sorted(f"{name} {file_sha256(path)}\n" for name, path in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def records_sha256(records: Sequence[PhotoRecord]) -> str:
    """Return one sha256 of every file and crop limit of ``records``."""
    files: list[tuple[str, Path]] = []
    for record in records:
        crop = "" if record.crop is None else f" {record.crop.top} {record.crop.left}"
        files.append((f"{record.id} image", record.image))
        parts = {"mask" + crop: record.mask, "ignored": record.ignored, "weak": record.weak, "parsed": record.parsed}
        files += [(f"{record.id} {part}", path) for part, path in parts.items() if path is not None]
    return files_sha256(files)
