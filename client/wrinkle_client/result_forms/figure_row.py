"""A result's figures as one row of a pandas table."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from wrinkle_core.errors import MissingExtraError

if TYPE_CHECKING:
    import pandas

    from wrinkle_client.result import SegmentationResult

__all__ = ["figure_row", "figure_values"]


def figure_row(result: SegmentationResult) -> pandas.Series:
    """Return ``figure_values`` as a row named after the request; see ``SegmentationResult.to_series``.

    Raises:
        MissingExtraError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise MissingExtraError("A row for a table needs pandas. Install it with: pip install pandas") from error
    return pandas.Series(figure_values(result), name=result.request_id, dtype=object)


def figure_values(result: SegmentationResult) -> dict[str, str | float | None]:
    """Return the figures by column name, in a fixed order."""
    report = result.report
    values: dict[str, str | float | None] = {
        "model": result.model,
        "model_version": result.model_version,
        "threshold": report.threshold,
        "image_width_px": report.image_width_px,
        "image_height_px": report.image_height_px,
        "interocular_distance_px": report.interocular_distance_px,
    }
    for region in (report.whole_face, *report.regions):
        figures = asdict(region)
        values |= {f"{region.name}.{name}": figure for name, figure in figures.items() if name != "name"}
    values |= {f"quality.{name}": figure for name, figure in asdict(report.quality).items()}
    values["warnings"] = " ".join(warning.code for warning in report.warnings)
    return values
