"""Figures on disk: one JSON file per experiment, written after each case, so that a run that ended early goes on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from wrinkle_bench.machine import Machine, this_machine
from wrinkle_core.errors import ArtifactError

__all__ = ["Notebook", "Record", "read_record"]

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Record(Generic[Found]):
    """What one experiment found.

    Attributes:
        machine: Where.
        settings: How, by the name of the setting.
        cases: By the case's name, in the order they were measured.
    """

    machine: Machine
    settings: dict[str, str] = field(default_factory=dict)
    cases: dict[str, Found] = field(default_factory=dict)


def read_record(path: Path, kind: type[Found]) -> Record[Found] | None:
    """Return what a file holds, None when there is no file.

    Raises:
        ArtifactError: It holds something else.
    """
    if not path.is_file():
        return None
    try:
        record: Record[Found] = TypeAdapter(Record[kind]).validate_json(path.read_bytes())  # type: ignore[valid-type]
    except ValidationError as error:
        raise ArtifactError(
            f"{path.name} is of another form ({error.error_count()} differences); measure anew."
        ) from error
    return record


class Notebook(Generic[Found]):
    """The record of a running experiment."""

    def __init__(self, path: Path, kind: type[Found], settings: Mapping[str, str], *, fresh: bool = False) -> None:
        """Open the record, or begin one.

        Args:
            path: JSON file.
            kind: Type of a case's result.
            settings: How it is measured; a record of other settings is not gone on with.
            fresh: Begin anew.

        Raises:
            ArtifactError: The file is of another form, of other settings, or of another kind of machine.
        """
        self._path = path
        self._form = TypeAdapter(Record[kind])  # type: ignore[valid-type]
        found = None if fresh else read_record(path, kind)
        here = this_machine()
        differences = [] if found is None else _differences(found, Record(here, dict(settings)))
        if differences:
            raise ArtifactError(
                f"{path.name} was measured otherwise: {'; '.join(differences)}. Give --fresh to begin anew, or another "
                "folder with --out."
            )
        self.record: Record[Found] = found or Record(here, dict(settings))

    def __contains__(self, case: str) -> bool:
        """Return whether a case has been measured."""
        return case in self.record.cases

    def add(self, case: str, result: Found) -> None:
        """Write down a case; the file is replaced at once."""
        self.record = replace(self.record, cases={**self.record.cases, case: result})
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_name(f".{self._path.name}.partial")
        partial.write_bytes(self._form.dump_json(self.record, indent=1) + b"\n")
        os.replace(partial, self._path)


def _differences(found: Record[Found], asked: Record[Found]) -> list[str]:
    """Return in words where a record's machine and settings are not those that are asked for."""
    pairs = {"machine": (found.machine.kind, asked.machine.kind)}
    pairs |= {
        name: (found.settings.get(name, "not noted"), asked.settings.get(name, "not asked for"))
        for name in sorted(found.settings.keys() | asked.settings.keys())
    }
    return [f"{name} was {then}, now {now}" for name, (then, now) in pairs.items() if then != now]
