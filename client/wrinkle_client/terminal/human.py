"""A run for a person at a terminal, or reading a log: tables, a progress bar where there is a terminal, a summary."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from wrinkle_client.batch_run.entry import Entry
from wrinkle_client.batch_run.printable import printable
from wrinkle_client.batch_run.run_folder import Ended
from wrinkle_client.batch_run.summary import SUMMARY_NAME
from wrinkle_client.result import SegmentationResult
from wrinkle_client.terminal.region_table import region_table
from wrinkle_client.terminal.run_table import run_tables, short_line

__all__ = ["HumanView"]

_TABLES_UP_TO: Final = 4


class HumanView(AbstractContextManager["HumanView"]):
    """Tables per photograph for a few, a line each for many; results on standard output, the rest on standard error."""

    def __init__(self, folder: Path) -> None:
        """Set up; the bar appears when the run starts and standard error is a terminal."""
        self._folder = folder
        self._console, self._errors = Console(), Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            console=self._errors,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
            disable=not self._errors.is_terminal,
        )
        self._task = self._progress.add_task("Segmenting", total=None, start=False)
        self._tables = False

    def __enter__(self) -> HumanView:
        return self

    def __exit__(self, *_error: object) -> None:
        self._progress.stop()

    def started(self, to_do: int, kept: Sequence[Entry]) -> None:
        """Say what an earlier run has done, and start the bar."""
        if kept:
            self._say(f"{len(kept)} of {len(kept) + to_do} photographs are kept from an earlier run, {to_do} to do.")
        self._tables = to_do <= _TABLES_UP_TO
        if to_do > 1:
            self._progress.update(self._task, total=to_do)
            self._progress.start_task(self._task)
            self._progress.start()

    def ended_one(self, entry: Entry, result: SegmentationResult | None) -> None:
        """Print a table, a line, or the error."""
        if entry.failure is not None:
            message = f"{printable(entry.name)}: {entry.failure.code}: {entry.failure.message}"
            self._errors.print(message, style="red", markup=False, highlight=False)
        elif self._tables and result is not None:
            self._console.print(region_table(printable(entry.name), result))
        else:
            self._console.print(short_line(entry))
        self._progress.advance(self._task)

    def stopping(self) -> None:
        """Say what Ctrl-C does."""
        self._progress.update(self._task, description="Stopping: waiting for those under way, Ctrl-C again to leave")

    def ended(self, ended: Ended) -> None:
        """Print the summary of several photographs, and how to go on when something is missing."""
        self._progress.stop()
        if len(ended.entries) > 1:
            self._console.print(run_tables(ended.entries))
        done = sum(entry.failure is None for entry in ended.entries)
        earlier = f" ({ended.kept} ended in an earlier run)" if ended.kept else ""
        total = len(ended.entries) + ended.missing
        self._say(
            f"{done} of {total} photographs segmented{earlier}, results in {self._folder} (table: {SUMMARY_NAME})"
        )
        if ended.missing and total > 1:
            self._say(f"{ended.missing} were not segmented; run the same command again to go on with them.")
        elif done > 1:
            self._say(f"See them with: wrinkle view {self._folder}")

    def _say(self, text: str) -> None:
        self._errors.print(printable(text), markup=False, highlight=False, soft_wrap=True)


class _Rate(ProgressColumn):
    """Photographs per second, over the last half minute."""

    def render(self, task: Task) -> Text:
        speed = task.speed
        return Text("" if speed is None else f"{speed:.1f}/s" if speed >= 0.95 else f"{1 / speed:.1f} s each")
