"""Runs as a table, for a terminal or a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich import box
from rich.table import Table

from wrinkle_scaling.outcome.summary import Summary

__all__ = ["COLUMNS", "cells", "markdown", "rich_table"]

COLUMNS: Final = (
    ("p50", "s"),
    ("p95", "s"),
    ("p99", "s"),
    ("refused", "%"),
    ("in time", "%"),
    ("replicas", "mean, range"),
    ("changes", ""),
    ("core", "h"),
    ("GPU", "h"),
)


def cells(summary: Summary) -> tuple[str, ...]:
    """Return one run's figures in the order of ``COLUMNS``."""
    refused = 1.0 - summary.answered / summary.arrived if summary.arrived else 0.0
    return (
        *("none" if value is None else f"{value:.2f}" for value in (summary.p50_s, summary.p95_s, summary.p99_s)),
        f"{100 * refused:.2f}",
        f"{100 * summary.kept_promise:.2f}",
        f"{summary.replicas_mean:.1f}, {summary.replicas_lowest}-{summary.replicas_highest}",
        str(summary.changes),
        f"{summary.core_h:.1f}",
        f"{summary.gpu_h:.1f}",
    )


def rich_table(title: str, rows: Sequence[tuple[str, Summary]]) -> Table:
    """Return a table for a terminal, one run a row."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("")
    for name, unit in COLUMNS:
        table.add_column(f"{name}\n{unit}", justify="right")
    for name, summary in rows:
        table.add_row(name, *cells(summary))
    return table


def markdown(rows: Sequence[tuple[str, Summary]]) -> str:
    """Return a table for a page, one run a row."""
    head = ["", *(f"{name}, {unit}" if unit else name for name, unit in COLUMNS)]
    lines = [head, ["---"] * len(head), *([name, *cells(summary)] for name, summary in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
