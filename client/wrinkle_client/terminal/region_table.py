"""A result as a table for the terminal."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table
from rich.text import Text

from wrinkle_client.batch_run.printable import printable
from wrinkle_client.figure_columns import FIGURE_COLUMNS, region_label
from wrinkle_client.result import SegmentationResult
from wrinkle_core.report import RegionFigures

__all__ = ["region_table"]


def region_table(name: str, result: SegmentationResult) -> Group:
    """Return figures per region and the warnings, for Rich to print; ``name`` heads the table."""
    report = result.report
    title = (
        f"{name}: {result.model} version {result.model_version}, threshold {report.threshold:.2f}, "
        f"{report.image_width_px}x{report.image_height_px} px, {result.timings.total_s:.2f} s"
    )
    table = Table(header_style="bold")
    table.add_column("region")
    for column in FIGURE_COLUMNS:
        table.add_column(column.heading, justify="right")
    for figures in report.regions:
        table.add_row(*_cells(figures), style="dim" if figures.wrinkled_area_fraction is None else None)
    table.add_section()
    table.add_row(*_cells(report.whole_face), style="bold")
    unit = Text(
        "Line lengths in units of the distance between the eyes. Image measurements, no diagnosis.", style="dim"
    )
    warnings = (
        Text(printable(f"warning {warning.code}: {warning.message}"), style="yellow") for warning in report.warnings
    )
    return Group(Text(title, style="bold"), table, unit, *warnings, Text())


def _cells(figures: RegionFigures) -> tuple[str, ...]:
    return (region_label(figures.name), *(column.text(column.value(figures)) for column in FIGURE_COLUMNS))
