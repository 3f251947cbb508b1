"""Writes a comparison to a folder: four pictures, ``comparison.json`` and the page ``compare.html``."""

from __future__ import annotations

import io
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wrinkle_client.batch_run.printable import printable
from wrinkle_client.before_after import pictures
from wrinkle_client.before_after.comparison import Comparison
from wrinkle_client.figure_columns import FIGURE_COLUMNS, region_label
from wrinkle_client.html_report.pages import render_page
from wrinkle_client.result_forms.saving import write_atomically

__all__ = ["PAGE_NAME", "save_comparison"]

PAGE_NAME = "compare.html"


def save_comparison(comparison: Comparison, folder: Path, *, before_name: str, after_name: str) -> Path:
    """Write everything and return the path of the page.

    Args:
        comparison: What to write.
        folder: Made when missing, then readable by this user only.
        before_name: Name of the first photograph, for people.
        after_name: Name of the second.

    Raises:
        OSError: The folder cannot be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    drawn = {
        "before.png": pictures.draw_face(comparison.pair.before),
        "after.png": pictures.draw_face(comparison.pair.after),
        "side-by-side.png": pictures.draw_side_by_side(comparison.pair),
        "change.png": pictures.draw_change(comparison.pair, comparison.lines),
    }
    for name, picture_rgb in drawn.items():
        write_atomically(folder / name, _png(picture_rgb))
    text = json.dumps(comparison.to_document(), allow_nan=False, indent=2)
    write_atomically(folder / "comparison.json", f"{text}\n".encode())
    columns = {column.key: column for column in FIGURE_COLUMNS}
    page = render_page(
        "compare.html.j2",
        title=f"{printable(before_name)} and {printable(after_name)}",
        before_name=printable(before_name),
        after_name=printable(after_name),
        comparison=comparison,
        columns=columns,
        region_label=region_label,
        repeated=any(figure.limit is not None for region in comparison.regions for figure in region.figures),
        program=f"wrinkle {version('wrinkle-serving')}",
    )
    return write_atomically(folder / PAGE_NAME, page)


def _png(picture_rgb: NDArray[np.uint8]) -> bytes:
    encoded = io.BytesIO()
    Image.fromarray(picture_rgb).save(encoded, "PNG", compress_level=3)
    return encoded.getvalue()
