"""A comparison as a table for the terminal."""

from __future__ import annotations

from typing import Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from wrinkle_client.batch_run.printable import printable
from wrinkle_client.before_after.comparison import Comparison, FigureChange
from wrinkle_client.figure_columns import FIGURE_COLUMNS, FigureColumn, region_label

__all__ = ["change_table"]

_SHOWN: Final = 2  # figures that fit 80 columns; the page and the JSON have them all


def change_table(comparison: Comparison) -> Group:
    """Return the change per region, the lines kept, new and gone, and every warning, for Rich to print."""
    columns = {column.key: column for column in FIGURE_COLUMNS}
    table = Table(header_style="bold")
    table.add_column("region")
    for figure in comparison.regions[0].figures[:_SHOWN]:
        table.add_column(f"{columns[figure.key].heading}", justify="right")
        table.add_column("change", justify="right")
    for number, region in enumerate(comparison.regions):
        cells = (cell for figure in region.figures[:_SHOWN] for cell in _cells(columns[figure.key], figure))
        table.add_row(region_label(region.name), *cells, end_section=number == 0)
    lines = comparison.lines
    measured = any(figure.limit is not None for region in comparison.regions for figure in region.figures)
    notes = [
        f"Lines: {lines.kept_iod:.2f} kept, {lines.new_iod:.2f} new, {lines.gone_iod:.2f} gone, in eye distances. "
        f"Alignment residual {comparison.pair.residual_iod:.3f} of them.",
        "Bold changes are beyond what repeated measurement of these photographs brings; light and pose change more."
        if measured
        else "Which changes are more than chance was not measured (--no-repeats).",
        "No diagnosis, and not a check that both show the same person.",
    ]
    warnings = (
        Text(printable(f"warning {warning.code}: {warning.message}"), style="yellow") for warning in comparison.warnings
    )
    return Group(table, *(Text(note, style="dim") for note in notes), *warnings)


def _cells(column: FigureColumn, figure: FigureChange) -> tuple[Text, Text]:
    before, after = (column.text(column.scaled(value)) for value in (figure.before, figure.after))
    change = column.text(column.scaled(figure.change), signed=True)
    style = "bold" if figure.verdict == "beyond repeatability" else "dim"
    return Text(f"{before} → {after}"), Text(change, style=style)
