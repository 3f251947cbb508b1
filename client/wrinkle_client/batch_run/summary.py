"""``summary.csv``: one row per photograph, for a spreadsheet or pandas."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable
from dataclasses import fields
from pathlib import Path
from typing import Final

from wrinkle_client.batch_run.entry import Entry
from wrinkle_client.batch_run.printable import printable
from wrinkle_client.result_forms.saving import write_atomically
from wrinkle_core.report import RegionFigures

__all__ = ["SUMMARY_NAME", "write_summary"]

SUMMARY_NAME: Final = "summary.csv"
_FIGURES: Final = tuple(item.name for item in fields(RegionFigures) if item.name != "name")
_PER_REGION: Final = "wrinkled_area_fraction"
_HEAD: Final = ("photograph", "status", "error_code", "error", "model", "model_version", "threshold")
_SIZE: Final = ("width_px", "height_px")
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


def write_summary(folder: Path, entries: Collection[Entry]) -> Path:
    """Write the summary of a run by name, whole-face figures and one column per region, and return its path."""
    regions = list(
        dict.fromkeys(figures.name for entry in entries if entry.figures for figures in entry.figures.regions)
    )
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    head = [*_HEAD, *_SIZE, *_FIGURES, *(f"{region}_{_PER_REGION}" for region in regions), "warnings", "overlay"]
    rows.writerow(head)
    for entry in sorted(entries, key=lambda entry: entry.name):
        cells = _cells(entry, regions)
        rows.writerow(cells + [""] * (len(head) - len(cells)))
    return write_atomically(folder / SUMMARY_NAME, text.getvalue().encode())


def _cells(entry: Entry, regions: Iterable[str]) -> list[object]:
    failure, figures = entry.failure, entry.figures
    failed = (failure.code, _harmless(failure.message)) if failure else ("", "")
    head = (_harmless(entry.name), entry.status, *failed, entry.options.model)
    if figures is None:
        return [*head]
    by_region = {one.name: getattr(one, _PER_REGION) for one in figures.regions}
    return [
        *head,
        figures.model_version,
        figures.threshold,
        figures.image_width_px,
        figures.image_height_px,
        *(getattr(figures.whole_face, name) for name in _FIGURES),
        *(by_region.get(region) for region in regions),
        " ".join(warning.code for warning in figures.warnings),
        _harmless(entry.file("overlay") or ""),
    ]


def _harmless(text: str) -> str:
    """Return text that a spreadsheet takes for text: file names come from anywhere.

    Source: OWASP, CSV injection.
    """
    shown = printable(text)
    return f"'{shown}" if shown.startswith(_FORMULA_STARTS) else shown
