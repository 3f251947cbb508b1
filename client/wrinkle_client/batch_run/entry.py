"""One line of a run's manifest: what became of one photograph."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import PurePosixPath
from typing import Any, Final, Literal

from wrinkle_core.errors import ArtifactError
from wrinkle_core.report import QualityWarning, RegionFigures

__all__ = ["Entry", "Failure", "Figures", "RunOptions", "WrittenFile"]

_MANIFEST_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options that decide what the results are; all photographs of a folder share them."""

    model: str
    threshold: float | None
    probability: bool
    overlay: str

    def differences(self, other: RunOptions) -> str:
        """Return in words where ``other`` differs, empty when nowhere."""
        pairs = ((item.name, getattr(self, item.name), getattr(other, item.name)) for item in fields(self))
        return ", ".join(f"{name} {_spoken(one)}, now {_spoken(two)}" for name, one, two in pairs if one != two)


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A result file: its kind (mask, overlay, probability, document), its path from the run's folder, its size."""

    kind: str
    path: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a photograph has no result; ``retryable`` when the next run should try again."""

    code: str
    message: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one photograph, as the server reported them, and what made them."""

    model_version: str
    contract_version: int
    threshold: float
    image_width_px: int
    image_height_px: int
    whole_face: RegionFigures
    regions: tuple[RegionFigures, ...]
    warnings: tuple[QualityWarning, ...]
    total_s: float


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of one photograph: ``figures`` and files when it was segmented, ``failure`` when not.

    Attributes:
        name: The photograph's name in the run.
        stem: Start of its result files' names.
        revision: Content of the photograph, see ``Photograph``.
        source: Path from the run's folder to the photograph; None for standard input and frames of videos.
        options: Options of the run.
        files: Result files.
        figures: None when it failed.
        failure: None when it was segmented.
    """

    name: str
    stem: str
    revision: str
    source: str | None
    options: RunOptions
    files: tuple[WrittenFile, ...] = ()
    figures: Figures | None = None
    failure: Failure | None = None

    @property
    def status(self) -> Literal["done", "failed"]:
        """Whether the photograph was segmented."""
        return "done" if self.failure is None else "failed"

    def file(self, kind: str) -> str | None:
        """Return the path of the result file of a kind, or None."""
        return next((written.path for written in self.files if written.kind == kind), None)

    def to_document(self) -> dict[str, Any]:
        """Return the entry as plain values, ready for ``json.dumps``."""
        return {"manifest_format": _MANIFEST_FORMAT, "status": self.status, **asdict(self)}

    @classmethod
    def from_json(cls, line: bytes) -> Entry:
        """Read a line of a manifest.

        Raises:
            ArtifactError: It is none, is of another format, or names a file outside the run's folder.
        """
        try:
            document = json.loads(line, parse_constant=_refuse)
            if document["manifest_format"] != _MANIFEST_FORMAT:
                raise ArtifactError(
                    f"The manifest is of format {document['manifest_format']!r}, not {_MANIFEST_FORMAT}."
                )
            entry = cls(
                name=str(document["name"]),
                stem=_inside(document["stem"]),
                revision=str(document["revision"]),
                source=None if document["source"] is None else str(document["source"]),
                options=_options(document["options"]),
                files=tuple(
                    WrittenFile(str(item["kind"]), _inside(item["path"]), int(item["size_bytes"]))
                    for item in document["files"]
                ),
                figures=None if document["figures"] is None else _figures(document["figures"]),
                failure=None if document["failure"] is None else _failure(document["failure"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise ArtifactError("A line of the manifest is damaged.") from error
        if (entry.figures is None) == (entry.failure is None):
            raise ArtifactError("A line of the manifest tells neither figures nor a failure, or both.")
        return entry


def _options(document: Mapping[str, Any]) -> RunOptions:
    threshold = document["threshold"]
    return RunOptions(
        model=str(document["model"]),
        threshold=None if threshold is None else _finite(threshold),
        probability=bool(document["probability"]),
        overlay=str(document["overlay"]),
    )


def _failure(document: Mapping[str, Any]) -> Failure:
    return Failure(str(document["code"]), str(document["message"]), bool(document["retryable"]))


def _figures(document: Mapping[str, Any]) -> Figures:
    return Figures(
        model_version=str(document["model_version"]),
        contract_version=int(document["contract_version"]),
        threshold=float(document["threshold"]),
        image_width_px=int(document["image_width_px"]),
        image_height_px=int(document["image_height_px"]),
        whole_face=_region(document["whole_face"]),
        regions=tuple(_region(region) for region in document["regions"]),
        warnings=tuple(QualityWarning(str(item["code"]), str(item["message"])) for item in document["warnings"]),
        total_s=float(document["total_s"]),
    )


def _region(document: Mapping[str, Any]) -> RegionFigures:
    numbers = {key: None if value is None else _finite(value) for key, value in document.items() if key != "name"}
    return RegionFigures(name=str(document["name"]), **numbers)  # type: ignore[arg-type]


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(value)
    return number


def _inside(path: Any) -> str:
    """Return a path that stays in the run's folder, wherever the manifest came from."""
    pure = PurePosixPath(str(path))
    if pure.is_absolute() or ".." in pure.parts or not pure.name or "\\" in str(path):
        raise ArtifactError("A line of the manifest names a file outside the run's folder.")
    return str(pure)


def _refuse(constant: str) -> float:
    raise ValueError(constant)


def _spoken(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "the model's own" if value is None else str(value)
