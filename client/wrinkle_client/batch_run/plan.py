"""What is left to do of a run, and what an earlier one has done already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wrinkle_client.batch_run.entry import Entry, RunOptions
from wrinkle_client.batch_run.manifest import Manifest
from wrinkle_client.batch_run.photographs import MISSING, Photograph
from wrinkle_core.errors import InvalidParameterError

__all__ = ["Plan", "make_plan"]


@dataclass(frozen=True, slots=True)
class Plan:
    """Photographs to segment now, and the entries of those that stay as they are."""

    to_do: tuple[Photograph, ...]
    kept: tuple[Entry, ...]


def make_plan(
    photographs: Sequence[Photograph], manifest: Manifest, options: RunOptions, folder: Path, *, redo: bool
) -> Plan:
    """Compare the photographs with the manifest.

    Kept is a photograph that has not changed and either has all its result files or failed for a reason that trying
    again does not cure. With ``redo`` the manifest is cleared and nothing is kept.

    Raises:
        InvalidParameterError: The folder holds results made with other options, and ``redo`` is false.
    """
    if redo:
        manifest.clear()
    for entry in manifest.entries.values():
        differences = entry.options.differences(options)
        if differences:
            raise InvalidParameterError(
                f"The folder holds results made with other options ({differences}). Choose another --out folder, or "
                "--redo to segment everything again."
            )
    kept, to_do = [], []
    for photograph in photographs:
        earlier = manifest.entries.get(photograph.name)
        if earlier is not None and _stands(earlier, photograph, folder):
            kept.append(earlier)
        else:
            to_do.append(photograph)
    return Plan(tuple(to_do), tuple(kept))


def _stands(entry: Entry, photograph: Photograph, folder: Path) -> bool:
    if (entry.revision, entry.stem) != (photograph.revision, photograph.stem) or entry.revision == MISSING:
        return False
    if entry.failure is not None:
        return not entry.failure.retryable
    return all(_size_bytes(folder / file.path) == file.size_bytes for file in entry.files)


def _size_bytes(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
