"""One run of all shards: manifest and summary in the folder above theirs, so that ``wrinkle view`` shows them all."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from wrinkle_client.batch_run.entry import Entry
from wrinkle_client.batch_run.manifest import MANIFEST_NAME, Manifest, read_entries
from wrinkle_client.batch_run.summary import write_summary
from wrinkle_core.errors import InvalidParameterError

__all__ = ["MergedRun", "merged_run"]

_FROM_A_SHARD: Final = re.compile(r"shard-[0-9]+/")


class MergedRun:
    """The folder above the shards'."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self._folder = folder
        self._manifest = manifest

    def gather(self, shard_names: Sequence[str]) -> tuple[Entry, ...]:
        """Write ``manifest.jsonl`` and ``summary.csv`` from those of the shards, and return the entries by name.

        A shard that has written nothing is left out.

        Raises:
            ArtifactError: A shard's manifest is damaged.
            OSError: The folder cannot be written.
        """
        written = [name for name in shard_names if (self._folder / name / MANIFEST_NAME).is_file()]
        found = [_moved(entry, name) for name in written for entry in read_entries(self._folder / name)]
        self._manifest.clear()
        for entry in found:
            self._manifest.append(entry)
        write_summary(self._folder, found)
        return tuple(sorted(found, key=lambda entry: entry.name))


@contextmanager
def merged_run(folder: Path) -> Iterator[MergedRun]:
    """Hold the folder of a run for this process alone; made, for its user only, when missing.

    Raises:
        InvalidParameterError: It holds results that are no shard's, whose manifest would be lost.
        ArtifactError: Another run has it.
        OSError: It cannot be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with Manifest(folder) as manifest:
        if not all(_FROM_A_SHARD.match(entry.stem) for entry in manifest.entries.values()):
            raise InvalidParameterError(f"{folder} holds the results of a run without shards; choose another --out.")
        yield MergedRun(folder, manifest)


def _moved(entry: Entry, name: str) -> Entry:
    """Return an entry as seen from the folder above its shard's."""
    source = None if entry.source is None else posixpath.normpath(posixpath.join(name, entry.source))
    files = tuple(replace(file, path=f"{name}/{file.path}") for file in entry.files)
    return replace(entry, stem=f"{name}/{entry.stem}", source=source, files=files)
