"""A run of photographs into a folder: what is missing is segmented, every photograph that ends is recorded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from wrinkle_client.batch_run.entry import Entry, Failure, Figures, RunOptions
from wrinkle_client.batch_run.manifest import Manifest
from wrinkle_client.batch_run.photographs import Photograph
from wrinkle_client.batch_run.plan import make_plan
from wrinkle_client.batch_run.printable import printable
from wrinkle_client.batch_run.runner import Outcome, Work, run_in_parallel
from wrinkle_client.batch_run.stop_signal import StopSignal
from wrinkle_client.batch_run.summary import write_summary
from wrinkle_client.result import SegmentationResult
from wrinkle_core.errors import InvalidInputError, ServerUnreachableError, UnauthorizedError, WrinkleError

__all__ = ["Ended", "RunObserver", "run_into_folder"]


class RunObserver(Protocol):
    """Who is told what happens during a run; all calls come from the main thread."""

    def started(self, to_do: int, kept: Sequence[Entry]) -> None:
        """The plan is made."""

    def ended_one(self, entry: Entry, result: SegmentationResult | None) -> None:
        """A photograph ended; ``result`` is None when it failed."""

    def stopping(self) -> None:
        """Ctrl-C was pressed; called from a signal handler."""

    def ended(self, ended: Ended) -> None:
        """The run is over."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended.

    Attributes:
        entries: The photographs of this run that are done or failed, kept ones included, in the run's order.
        kept: How many of them an earlier run had ended.
        missing: Photographs that were not begun, or that the end of the server cut off.
        interrupted: Whether Ctrl-C ended it.
        fatal: The error that ended it: no server, a token that is not accepted, a folder that cannot be written.
    """

    entries: tuple[Entry, ...]
    kept: int
    missing: int
    interrupted: bool
    fatal: WrinkleError | OSError | None


def run_into_folder(
    photographs: Sequence[Photograph],
    work: Work,
    folder: Path,
    options: RunOptions,
    observer: RunObserver,
    *,
    parallel: int,
    redo: bool,
) -> Ended:
    """Segment what is missing in ``folder`` and write ``manifest.jsonl`` and ``summary.csv``.

    Raises:
        InvalidParameterError: The folder holds results made with other options.
        ArtifactError: Another run uses the folder, or its manifest is damaged.
        OSError: The folder cannot be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fatal: WrinkleError | OSError | None = None
    with Manifest(folder) as manifest, StopSignal(observer.stopping) as stop:
        plan = make_plan(photographs, manifest, options, folder, redo=redo)
        observer.started(len(plan.to_do), plan.kept)
        ended = {entry.name for entry in plan.kept}
        outcomes = run_in_parallel(
            plan.to_do, work, parallel=parallel, stopping=lambda: stop.requested or fatal is not None
        )
        for outcome in outcomes:
            if outcome.error is not None and _ends_the_run(outcome.error):
                fatal = fatal or outcome.error
                continue
            entry = _entry(outcome, folder, options)
            manifest.append(entry)
            ended.add(entry.name)
            observer.ended_one(entry, outcome.result)
        write_summary(folder, manifest.entries.values())
        entries = tuple(manifest.entries[one.name] for one in photographs if one.name in ended)
    return Ended(entries, len(plan.kept), len(photographs) - len(entries), stop.requested, fatal)


def _ends_the_run(error: WrinkleError | OSError) -> bool:
    """Return whether the other photographs would fare no better."""
    if isinstance(error, WrinkleError):  # first, for two of them are kinds of OSError
        return isinstance(error, (ServerUnreachableError, UnauthorizedError))
    return True


def _entry(outcome: Outcome, folder: Path, options: RunOptions) -> Entry:
    photograph, error = outcome.photograph, outcome.error
    failure = None
    if isinstance(error, WrinkleError):
        failure = Failure(error.code, printable(" ".join(str(error).split())), not isinstance(error, InvalidInputError))
    return Entry(
        name=photograph.name,
        stem=photograph.stem,
        revision=photograph.revision,
        source=_source(photograph, folder),
        options=options,
        files=outcome.files,
        figures=None if outcome.result is None else _figures(outcome.result),
        failure=failure,
    )


def _source(photograph: Photograph, folder: Path) -> str | None:
    if photograph.path is None or photograph.from_video:
        return None
    return Path(os.path.relpath(photograph.path.resolve(), folder.resolve())).as_posix()


def _figures(result: SegmentationResult) -> Figures:
    report = result.report
    return Figures(
        model_version=result.model_version,
        contract_version=report.contract_version,
        threshold=report.threshold,
        image_width_px=report.image_width_px,
        image_height_px=report.image_height_px,
        whole_face=report.whole_face,
        regions=report.regions,
        warnings=report.warnings,
        total_s=round(result.timings.total_s, 4),
    )
