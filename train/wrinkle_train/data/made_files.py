"""The books of a command that makes many files and may be killed at any moment.

Each finished file is noted in ``journal.jsonl``; at the end ``manifest.json`` lists all, sorted, without times or
paths, and the journal goes. Files appear under their name only when complete. A run that goes on keeps a file only
where size and hash are as noted, so that it ends with the very bytes of a run that was never interrupted.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from wrinkle_core.errors import ArtifactError
from wrinkle_train.data.fingerprint import file_sha256

__all__ = ["MANIFEST", "MadeFile", "MadeFiles", "write_whole"]

MANIFEST: Final = "manifest.json"
_JOURNAL: Final = "journal.jsonl"
_PARTIAL: Final = ".partial"


@dataclass(frozen=True, slots=True)
class MadeFile:
    """One file made, or one source from which none could be made.

    Attributes:
        name: The file, relative to the folder, with forward slashes.
        source: What it was made from, relative to the sources' folder.
        source_sha256: Hash of the source.
        sha256: Hash of the file; empty where none was made.
        size_bytes: Of the file.
        error: Code and message where none was made.
    """

    name: str
    source: str
    source_sha256: str
    sha256: str = ""
    size_bytes: int = 0
    error: str = ""

    def is_intact(self, folder: Path) -> bool:
        """Return whether the file is there as it was made."""
        path = folder / self.name
        return bool(
            self.sha256
            and path.is_file()
            and path.stat().st_size == self.size_bytes
            and file_sha256(path) == self.sha256
        )


class MadeFiles:
    """The files of one folder.

    Args:
        folder: Made when missing.
        settings: Everything that decides the files' content, as JSON values.

    Raises:
        ArtifactError: The folder holds files made with other settings, or cannot be written.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        self._settings = json.loads(json.dumps(dict(settings), sort_keys=True))
        self.known: dict[str, MadeFile] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for leftover in folder.rglob(f".*{_PARTIAL}"):
                leftover.unlink(missing_ok=True)
            self._read()
            self._journal = (folder / _JOURNAL).open("a", encoding="utf-8")
            self._note({"settings": self._settings})
        except OSError as error:
            raise ArtifactError(f"Cannot write to {folder.name}: {error.strerror}; choose another --out.") from error

    def add(self, made: MadeFile) -> None:
        """Note a finished file."""
        self.known[made.name] = made
        self._note(asdict(made))

    def finish(self, names: Iterable[str]) -> Path:
        """Write the manifest of the files called ``names`` and end the journal."""
        files = [asdict(self.known[name]) for name in sorted(names)]
        text = json.dumps({"settings": self._settings, "files": files}, indent=1, sort_keys=True)
        write_whole(self.folder / MANIFEST, f"{text}\n".encode())
        self.close()
        (self.folder / _JOURNAL).unlink()
        return self.folder / MANIFEST

    def close(self) -> None:
        """Close the journal; a later run goes on from it."""
        self._journal.close()

    def _note(self, line: Mapping[str, Any]) -> None:
        self._journal.write(json.dumps(line, sort_keys=True) + "\n")
        self._journal.flush()

    def _read(self) -> None:
        manifest, journal = self.folder / MANIFEST, self.folder / _JOURNAL
        if manifest.exists():
            try:
                content = json.loads(manifest.read_text(encoding="utf-8"))
                self._require(content["settings"])
                self.known = {entry["name"]: MadeFile(**entry) for entry in content["files"]}
            except (ValueError, KeyError, TypeError):
                raise ArtifactError(f"{MANIFEST} in {self.folder.name} is damaged; choose another --out.") from None
        if journal.exists():
            for line in journal.read_text(encoding="utf-8", errors="replace").splitlines():
                self._take(line)

    def _take(self, line: str) -> None:
        """Take up one line of the journal; one torn by a kill says nothing."""
        try:
            content = json.loads(line)
            if "settings" in content:
                self._require(content["settings"])
            else:
                self.known[content["name"]] = MadeFile(**content)
        except (ValueError, KeyError, TypeError):
            return

    def _require(self, settings: Any) -> None:
        if settings != self._settings:
            changed = sorted(
                name for name in {*settings, *self._settings} if settings.get(name) != self._settings.get(name)
            )
            raise ArtifactError(
                f"{self.folder.name} holds files made with other settings ({', '.join(changed)}); choose another "
                "--out, or empty the folder."
            )


def write_whole(path: Path, content: bytes) -> str:
    """Write a file so that it is complete or not there; return its sha256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}{_PARTIAL}")
    partial.write_bytes(content)
    os.replace(partial, path)
    return hashlib.sha256(content).hexdigest()
