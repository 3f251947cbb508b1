"""A table as Markdown for people and as CSV for programs, ours beside what the paper printed.

Figures are per-image means, the papers' way; the pooled ones stand below. Nothing is computed here but differences.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import fields
from io import StringIO
from typing import Final, Literal

from wrinkle_train.scores.pixel_metrics import PixelScores
from wrinkle_train.tables.result import RowResult

__all__ = ["TABLES", "TableNumber", "images_csv", "summary_csv", "table_markdown"]

TableNumber = Literal[1, 2, 3, 4]
TABLES: Final[dict[TableNumber, str]] = {
    1: "Automated Facial Wrinkle Segmentation Scheme Using UNet++, Table 1: systems",
    2: "Automated Facial Wrinkle Segmentation Scheme Using UNet++, Table 2: losses",
    3: "Facial Wrinkle Segmentation for Cosmetic Dermatology, Table 3: systems, all labels and 5 %",
    4: "Facial Wrinkle Segmentation for Cosmetic Dermatology, Table 4: pretraining and channels, all labels and 5 %",
}
_ALL: Final = tuple(field.name for field in fields(PixelScores))
_PRINTED: Final[dict[TableNumber, tuple[str, ...]]] = {
    1: _ALL, 2: _ALL, 3: ("iou", "f1", "accuracy"), 4: ("iou", "f1", "accuracy"),
}  # fmt: skip


def table_markdown(table: TableNumber, rows: Sequence[RowResult], heading: Sequence[str]) -> str:
    """Return the table's page.

    Args:
        table: Its number.
        rows: In the paper's order.
        heading: Paragraphs under the title: command, data, what the figures are not.
    """
    metrics = _PRINTED[table]
    means = [[_cell(row, metric) for metric in metrics] for row in rows]
    inside = [[f"{getattr(row.masked.mean, metric):.4f}" for metric in metrics] for row in rows]
    pooled = [[f"{getattr(row.scores.pooled, metric):.4f}" for metric in metrics] for row in rows]
    runs = [[row.recipe, row.fingerprint, _millions(row), _seconds(row), row.initial_weights] for row in rows]
    named = [f"{row.paper.row}{f', {row.paper.regime}' if row.paper.regime else ''}" for row in rows]
    images = len(rows[0].scores.images) if rows else 0
    return (
        "\n\n".join(
            [
                f"# {TABLES[table]}",
                *heading,
                f"## Mean over {images} test pictures (in brackets: what the paper printed)",
                _grid(("row", *metrics), named, means),
                "## The same against labels inside the mask a network sees",
                _grid(("row", *metrics), named, inside),
                "## All test pixels pooled",
                _grid(("row", *metrics), named, pooled),
                "## Runs",
                "Rows with the same fingerprint share one run.",
                _grid(("row", "recipe", "fingerprint", "parameters, M", "training, s", "started from"), named, runs),
            ]
        )
        + "\n"
    )


def summary_csv(rows: Sequence[RowResult]) -> str:
    """Return one line per row and metric: mean, deviation, pooled, published."""
    lines = []
    for row in rows:
        for metric in _ALL:
            parts = (row.scores.mean, row.scores.deviation, row.scores.pooled)
            figures = [f"{getattr(part, metric):.6f}" for part in parts]
            lines.append((row.recipe, row.paper.row, row.paper.regime or "", metric, *figures, _published(row, metric)))
    return _csv(("recipe", "row", "regime", "metric", "mean", "deviation", "pooled", "published"), lines)


def images_csv(rows: Sequence[RowResult]) -> str:
    """Return one line per row and test picture with its scores."""
    lines = [
        (row.recipe, image.name, *(f"{getattr(image.scores, metric):.6f}" for metric in _ALL))
        for row in rows
        for image in row.scores.images
    ]
    return _csv(("recipe", "image", *_ALL), lines)


def _cell(row: RowResult, metric: str) -> str:
    printed = _published(row, metric)
    return f"{getattr(row.scores.mean, metric):.4f}" + (f" ({printed})" if printed else "")


def _published(row: RowResult, metric: str) -> str:
    value = getattr(row.paper.published, metric)
    return "" if value is None else f"{value:.4f}"


def _millions(row: RowResult) -> str:
    return "-" if row.parameters is None else f"{row.parameters / 1e6:.3f}"


def _seconds(row: RowResult) -> str:
    return "-" if row.run_s is None else f"{row.run_s:.0f}"


def _grid(head: Sequence[str], names: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join((name, *row)) + " |" for name, row in zip(names, cells, strict=True)]
    return "\n".join(lines)


def _csv(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(lines)
    return text.getvalue()
