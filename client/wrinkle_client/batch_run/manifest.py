"""``manifest.jsonl``: one line per photograph that has ended, appended as it ends.

A line is written with one system call to a file opened for appending, after the result files it names. Killing the
process loses at most the photographs under way; a machine that loses power may lose those of the last second, for the
file is synchronised once a second. A last line without its end is cut off when the run goes on. While a run has the
file open it holds a lock on it, which the system drops with the process, however that ends.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final

from wrinkle_client.batch_run.entry import Entry
from wrinkle_core.errors import ArtifactError

__all__ = ["MANIFEST_NAME", "Manifest", "read_entries"]

MANIFEST_NAME: Final = "manifest.jsonl"
_MAX_LINE_BYTES: Final = 1024 * 1024
_SYNC_EVERY_S: Final = 1.0


class Manifest:
    """The manifest of a folder, open for one run; ``entries`` holds the last line of each photograph by name.

    A photograph whose files those of another, later one have replaced is forgotten.
    """

    def __init__(self, folder: Path) -> None:
        """Open and lock it, made when missing.

        Raises:
            ArtifactError: Another run has it open, or it is damaged.
            OSError: The folder cannot be written.
        """
        self._path = folder / MANIFEST_NAME
        self._file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            _lock(self._file)
            self.entries: dict[str, Entry] = {}
            self._owners: dict[str, str] = {}
            for entry in self._whole_lines():
                _record(entry, self.entries, self._owners)
        except BaseException:
            os.close(self._file)
            raise
        self._synchronised_s = time.monotonic()

    def __enter__(self) -> Manifest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.fsync(self._file)
        os.close(self._file)

    def append(self, entry: Entry) -> None:
        """Write one line."""
        line = json.dumps(entry.to_document(), allow_nan=False, separators=(",", ":")).encode() + b"\n"
        written = os.write(self._file, line)
        if written != len(line):
            raise OSError(f"Only {written} of {len(line)} bytes could be written to {MANIFEST_NAME}.")
        _record(entry, self.entries, self._owners)
        now_s = time.monotonic()
        if now_s - self._synchronised_s >= _SYNC_EVERY_S:
            os.fsync(self._file)
            self._synchronised_s = now_s

    def clear(self) -> None:
        """Forget every photograph."""
        os.ftruncate(self._file, 0)
        self.entries.clear()
        self._owners.clear()

    def _whole_lines(self) -> Iterator[Entry]:
        """Return the entries, after cutting off a last line that was not written to its end."""
        with self._path.open("rb") as file:
            end = 0
            for line in _lines(file):
                if not line.endswith(b"\n"):
                    os.ftruncate(self._file, end)
                    return
                end += len(line)
                yield Entry.from_json(line)


def read_entries(folder: Path) -> list[Entry]:
    """Return the last entry of each photograph of a run, in the order of their first lines; the run may be under way.

    Raises:
        ArtifactError: There is no run in the folder, or its manifest is damaged.
    """
    entries: dict[str, Entry] = {}
    owners: dict[str, str] = {}
    try:
        with (folder / MANIFEST_NAME).open("rb") as file:
            for line in _lines(file):
                if line.endswith(b"\n"):
                    _record(Entry.from_json(line), entries, owners)
    except OSError as error:
        raise ArtifactError(
            f"There is no run in {folder}: no {MANIFEST_NAME} that can be read. `wrinkle segment` writes one."
        ) from error
    return list(entries.values())


def _record(entry: Entry, entries: dict[str, Entry], owners: dict[str, str]) -> None:
    """Let ``entry`` take the place of its photograph's earlier one, and of another photograph whose files it replaced.

    Args:
        entry: The newest line.
        entries: The last entry of each photograph by name.
        owners: Names of the photographs by the stem of their files.
    """
    if entry.files:
        owner = owners.get(entry.stem, entry.name)
        if owner != entry.name and owner in entries and entries[owner].stem == entry.stem:
            del entries[owner]
        owners[entry.stem] = entry.name
    entries[entry.name] = entry


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(_MAX_LINE_BYTES + 1):
        if len(line) > _MAX_LINE_BYTES:
            raise ArtifactError(f"A line of {MANIFEST_NAME} is over {_MAX_LINE_BYTES} bytes; it is damaged.")
        yield line


def _lock(file: int) -> None:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise ArtifactError(
            "Another run is writing to this folder; wait until it is over, or choose another --out folder."
        ) from error
