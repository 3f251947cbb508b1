"""``wrinkle bench report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from wrinkle_bench.page.blocks import page_blocks
from wrinkle_bench.page.drawings import drawings
from wrinkle_bench.page.figures import read_figures
from wrinkle_bench.page.markers import filled_page
from wrinkle_bench.storage import RESULTS
from wrinkle_core.errors import ArtifactError

__all__ = ["report"]


def report(
    results: Annotated[Path, typer.Option(help="Folder with the figures.")] = RESULTS,
    page: Annotated[Path, typer.Option(help="Page to fill.")] = Path("docs/performance.md"),
    images: Annotated[Path, typer.Option(help="Folder for the drawings.")] = Path("docs/images"),
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail when the page is not up to date.")
    ] = False,
) -> None:
    """Fill the tables of docs/performance.md from bench/results, and draw its pictures."""
    figures = read_figures(results)
    written = page.read_text(encoding="utf-8")
    wanted = {page: filled_page(written, page_blocks(figures)).encode("utf-8")}
    wanted |= {images / name: content for name, content in drawings(figures).items()}
    stale = [path for path, content in wanted.items() if not path.is_file() or path.read_bytes() != content]
    if check and stale:
        names = ", ".join(path.name for path in stale)
        raise ArtifactError(f"{names} does not fit bench/results; run `wrinkle bench report`.")
    for path in stale:
        path.write_bytes(wanted[path])
    Console().print(f"{len(stale)} of {len(wanted)} files written." if stale else "Up to date.")
