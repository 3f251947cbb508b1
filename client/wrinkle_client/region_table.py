"""A result as a table for the terminal."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table
from rich.text import Text

from wrinkle_client.result import SegmentationResult
from wrinkle_core.report import RegionFigures

__all__ = ["region_table"]

_NOTHING = "-"


def region_table(name: str, result: SegmentationResult) -> Group:
    """Return figures per region and the warnings, for Rich to print; ``name`` heads the table."""
    report = result.report
    title = (
        f"{name}: {result.model} version {result.model_version}, threshold {report.threshold:.2f}, "
        f"{report.image_width_px}x{report.image_height_px} px, {result.timings.total_s:.2f} s"
    )
    table = Table(header_style="bold")
    table.add_column("region")
    for heading in ("wrinkled %", "lines", "deep", "fine", "mean p", "seen %"):
        table.add_column(heading, justify="right")
    for figures in report.regions:
        table.add_row(*_cells(figures), style="dim" if figures.wrinkled_area_fraction is None else None)
    table.add_section()
    table.add_row(*_cells(report.whole_face), style="bold")
    unit = Text(
        "Line lengths in units of the distance between the eyes. Image measurements, no diagnosis.", style="dim"
    )
    warnings = (Text(f"warning {warning.code}: {warning.message}", style="yellow") for warning in report.warnings)
    return Group(Text(title, style="bold"), table, unit, *warnings, Text())


def _cells(figures: RegionFigures) -> tuple[str, ...]:
    return (
        figures.name.replace("_", " "),
        _percent(figures.wrinkled_area_fraction),
        _number(figures.line_length_iod),
        _number(figures.deep_line_length_iod),
        _number(figures.fine_line_length_iod),
        _number(figures.mean_probability),
        _percent(figures.visible_fraction, digits=0),
    )


def _percent(fraction: float | None, digits: int = 1) -> str:
    return _NOTHING if fraction is None else f"{100 * fraction:.{digits}f}"


def _number(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.2f}"
