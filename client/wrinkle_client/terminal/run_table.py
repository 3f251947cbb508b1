"""A whole run as tables for the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from wrinkle_client.batch_run.entry import Entry, Figures
from wrinkle_client.batch_run.printable import printable
from wrinkle_client.figure_columns import FIGURE_COLUMNS, NOTHING

__all__ = ["run_tables", "short_line"]

_ROWS_UP_TO: Final = 20
_QUANTILES: Final = {"smallest": 0.0, "lower quarter": 0.25, "middle": 0.5, "upper quarter": 0.75, "largest": 1.0}
_COLUMNS: Final = FIGURE_COLUMNS[:5]


def short_line(entry: Entry) -> Text:
    """Return a segmented photograph in one line."""
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(printable(entry.name), style="bold")
    if entry.figures is not None:
        wrinkled, length, *_ = _cells(entry.figures)
        line.append(f"  {wrinkled} % wrinkled, lines {length}")
        line.append("".join(f"  {warning.code}" for warning in entry.figures.warnings), style="yellow")
    return line


def run_tables(entries: Sequence[Entry]) -> RenderableType:
    """Return the whole-face figures of a run, one row per photograph or their spread, and the failures by code."""
    done = [(entry, entry.figures) for entry in entries if entry.figures is not None]
    parts: list[RenderableType] = []
    if done:
        parts.append(_per_photograph(done) if len(done) <= _ROWS_UP_TO else _spread([one for _, one in done]))
    failures = Counter(entry.failure.code for entry in entries if entry.failure is not None)
    if failures:
        parts.append(_failures(failures))
    return Group(*parts)


def _per_photograph(done: Sequence[tuple[Entry, Figures]]) -> Table:
    table = _table("whole face")
    table.add_column("warnings")
    for entry, figures in done:
        warnings = " ".join(warning.code for warning in figures.warnings)
        table.add_row(Text(printable(entry.name)), *_cells(figures), Text(warnings, style="yellow"))
    return table


def _spread(done: Sequence[Figures]) -> Table:
    table = _table(f"whole face, {len(done)} photographs")
    values = [[value for one in done if (value := column.value(one.whole_face)) is not None] for column in _COLUMNS]
    for name, share in _QUANTILES.items():
        cells = (
            column.text(float(np.quantile(known, share))) if known else NOTHING
            for column, known in zip(_COLUMNS, values, strict=True)
        )
        table.add_row(name, *cells)
    return table


def _failures(failures: Counter[str]) -> Table:
    table = Table(header_style="bold")
    table.add_column("not segmented")
    table.add_column("photographs", justify="right")
    for code, count in failures.most_common():
        table.add_row(Text(code, style="red"), str(count))
    return table


def _table(first: str) -> Table:
    table = Table(header_style="bold")
    table.add_column(first, overflow="fold", min_width=16)
    for column in _COLUMNS:
        table.add_column(column.heading, justify="right")
    return table


def _cells(figures: Figures) -> tuple[str, ...]:
    return tuple(column.text(column.value(figures.whole_face)) for column in _COLUMNS)
