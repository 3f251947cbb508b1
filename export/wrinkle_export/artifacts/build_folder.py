"""A build folder: artifacts appear in it whole or not at all.

Every artifact lies in a folder named after its content, ``NETWORK/FORM/HASH/``. A new one is made beside the others,
moved there with one rename, and becomes the current one when the manifest is replaced, also with one rename; the old
files go last. A killed export therefore leaves the old state, or the new one.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout
from pydantic import ValidationError

from wrinkle_core.errors import ArtifactError
from wrinkle_export.artifacts.manifest import (
    Artifact,
    FileRecord,
    Kind,
    Manifest,
    ParityRecord,
    PlanTarget,
    Ports,
    Precision,
    Source,
    digest_of,
    sha256_of,
)

__all__ = ["MANIFEST_FILE", "BuildFolder", "Draft"]

MANIFEST_FILE: Final = "manifest.json"
_STAGING_PREFIX: Final = ".staging-"
_LOCK_TIMEOUT_S: Final = 60
_ABANDONED_AFTER_S: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class Draft:
    """An artifact to be made; see ``Artifact``. ``main_file`` is the file a runtime opens."""

    name: str
    main_file: str
    kind: Kind
    precision: Precision
    key: str
    source: Source
    ports: Ports
    tools: dict[str, str]
    opset: int | None = None
    plan: PlanTarget | None = None


class BuildFolder:
    """The artifacts in one folder.

    Args:
        path: The folder; made by the first ``publish``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def manifest(self) -> Manifest:
        """Return what the folder holds; nothing when it is new.

        Raises:
            ArtifactError: The manifest is damaged or of another format.
        """
        path = self.path / MANIFEST_FILE
        try:
            return Manifest.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return Manifest()
        except (OSError, ValidationError):
            raise ArtifactError(
                f"{MANIFEST_FILE} of {self.path.name} is damaged or of another version; export into a new folder."
            ) from None

    def artifact(self, name: str) -> Artifact:
        """Return one artifact.

        Raises:
            ArtifactError: There is none of that name; the message lists those there are.
        """
        found = self.manifest().artifacts
        if name not in found:
            there = ", ".join(found) or "nothing"
            raise ArtifactError(f"{self.path.name} holds no {name!r}; there is {there}. Export it first.")
        return found[name]

    def up_to_date(self, name: str, key: str) -> Artifact | None:
        """Return the artifact ``name`` when it was made from what ``key`` stands for and its files are unharmed."""
        artifact = self.manifest().artifacts.get(name)
        if artifact is None or artifact.key != key:
            return None
        try:
            self.checked_files(artifact)
        except ArtifactError:
            return None
        return artifact

    def checked_files(self, artifact: Artifact) -> tuple[Path, ...]:
        """Return the paths of an artifact's files, after comparing every byte with the manifest.

        Raises:
            ArtifactError: A file is missing or its bytes are not those that were exported.
        """
        for record in artifact.files:
            path = self.path / record.path
            if not path.is_file():
                raise ArtifactError(f"{artifact.name}: {record.path} is missing; export it again.")
            if path.stat().st_size != record.size_bytes or sha256_of(path) != record.sha256:
                raise ArtifactError(f"{artifact.name}: the bytes of {record.path} are not those that were exported.")
        return tuple(self.path / record.path for record in artifact.files)

    def publish(self, draft: Draft, make: Callable[[Path], tuple[ParityRecord, ...]]) -> Artifact:
        """Make an artifact's files in a folder of their own and, when ``make`` returns, put them in place at once.

        Args:
            draft: What is made.
            make: Writes the files into the folder it is given and returns what it found when it compared them.
                Raising leaves the build folder as it was.

        Raises:
            ArtifactError: ``make`` did not write ``draft.main_file``, or another export holds the folder for too long.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        self._sweep()
        with tempfile.TemporaryDirectory(prefix=_STAGING_PREFIX, dir=self.path) as scratch:
            staging = Path(scratch, "files")
            staging.mkdir()
            parity = make(staging)
            made = sorted(staging.iterdir(), key=lambda path: (path.name != draft.main_file, path.name))
            if not made or made[0].name != draft.main_file:
                raise ArtifactError(f"{draft.name}: the export wrote no {draft.main_file}.")
            sums = {path.name: sha256_of(path) for path in made}
            home = Path(*draft.name.split("/"), digest_of(**sums)[:12])
            files = tuple(
                FileRecord(path=(home / path.name).as_posix(), sha256=sums[path.name], size_bytes=path.stat().st_size)
                for path in made
            )
            artifact = Artifact(
                name=draft.name,
                kind=draft.kind,
                precision=draft.precision,
                files=files,
                key=draft.key,
                source=draft.source,
                ports=draft.ports,
                opset=draft.opset,
                tools=draft.tools,
                plan=draft.plan,
                parity=parity,
            )
            with self._locked():
                self._move_in(staging, self.path / home)
                self._write(self.manifest().with_artifact(artifact))
                self._remove_superseded(self.path / home)
        return artifact

    def record(self, artifact: Artifact) -> Artifact:
        """Enter an artifact whose files lie in place already, and return it.

        Raises:
            ArtifactError: A file is missing or has other bytes.
        """
        self.checked_files(artifact)
        with self._locked():
            self._write(self.manifest().with_artifact(artifact))
        return artifact

    def record_parity(self, name: str, found: tuple[ParityRecord, ...]) -> Artifact:
        """Add what the parity gate found to an artifact; an older record of the same runtime goes.

        Raises:
            ArtifactError: There is no such artifact.
        """
        with self._locked():
            artifact = self.artifact(name)
            runtimes = {record.runtime for record in found}
            kept = tuple(record for record in artifact.parity if record.runtime not in runtimes)
            checked = artifact.model_copy(update={"parity": (*kept, *found)})
            self._write(self.manifest().with_artifact(checked))
        return checked

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            with FileLock(self.path / ".lock", timeout=_LOCK_TIMEOUT_S):
                yield
        except Timeout:
            raise ArtifactError(f"Another export holds {self.path.name}; try again when it is done.") from None

    def _sweep(self) -> None:
        """Remove what exports that were killed long ago left half-made."""
        for left in self.path.glob(f"{_STAGING_PREFIX}*"):
            if time.time() - left.stat().st_mtime > _ABANDONED_AFTER_S:
                shutil.rmtree(left)

    def _write(self, manifest: Manifest) -> None:
        partial = self.path / f".{MANIFEST_FILE}.partial"
        partial.write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
        os.replace(partial, self.path / MANIFEST_FILE)

    @staticmethod
    def _move_in(staging: Path, home: Path) -> None:
        home.parent.mkdir(parents=True, exist_ok=True)
        if home.exists():  # the same bytes, or what is left of them
            shutil.rmtree(home)
        staging.rename(home)

    @staticmethod
    def _remove_superseded(home: Path) -> None:
        for other in home.parent.iterdir():
            if other != home:
                shutil.rmtree(other)
