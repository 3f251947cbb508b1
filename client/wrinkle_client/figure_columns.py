"""How a region's figures are shown, in the terminal and on pages: order, heading, unit and digits, stated once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wrinkle_core.report import RegionFigures

__all__ = ["FIGURE_COLUMNS", "NOTHING", "FigureColumn", "region_label"]

NOTHING: Final = "-"


@dataclass(frozen=True, slots=True)
class FigureColumn:
    """One figure of ``RegionFigures``.

    Attributes:
        key: Its field.
        heading: Short name for a column.
        meaning: One sentence for a person.
        factor: What the value is multiplied by to be shown.
        digits: Digits after the point.
    """

    key: str
    heading: str
    meaning: str
    factor: float
    digits: int

    def value(self, figures: RegionFigures) -> float | None:
        """Return the figure in the unit shown; None where the region cannot be seen."""
        return self.scaled(getattr(figures, self.key))

    def scaled(self, value: float | None) -> float | None:
        """Return a value of the report in the unit shown."""
        return None if value is None else value * self.factor

    def text(self, value: float | None, *, signed: bool = False) -> str:
        """Return a value in the unit shown as text, with a sign for a difference."""
        if value is None:
            return NOTHING
        shown = round(value, self.digits) + 0.0  # no -0.00
        return f"{shown:{'+' if signed else ''}.{self.digits}f}"


FIGURE_COLUMNS: Final = (
    FigureColumn("wrinkled_area_fraction", "wrinkled %", "Share of the visible skin that is marked.", 100, 1),
    FigureColumn("line_length_iod", "lines", "Length of all lines, in distances between the eyes.", 1, 2),
    FigureColumn("deep_line_length_iod", "deep", "Length of the wide or dark lines, same unit.", 1, 2),
    FigureColumn("fine_line_length_iod", "fine", "Length of the other lines, same unit.", 1, 2),
    FigureColumn("mean_probability", "mean p", "Mean wrinkle probability of the visible skin.", 1, 2),
    FigureColumn("visible_fraction", "seen %", "Share of the region that is skin in the photograph.", 100, 0),
)


def region_label(name: str) -> str:
    """Return a region's name for a person: ``crows_feet_left`` is ``crow's feet left``."""
    return name.replace("_", " ").replace("crows", "crow's")
