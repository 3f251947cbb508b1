"""``wrinkle weak-labels``: masked texture maps for a folder of faces."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

__all__ = ["weak_labels"]

_DEFAULT_WORKERS = min(os.cpu_count() or 1, 8)


def weak_labels(
    images: Annotated[Path, typer.Argument(metavar="IMAGES", help="Folder of pictures, flat or in folders of 1000.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the labels; a stopped run goes on there.")],
    mode: Annotated[
        str, typer.Option("--mode", help="literal: the paper's equation; dark_floor: nearer to the released labels.")
    ] = "literal",
    align: Annotated[
        bool, typer.Option("--align/--aligned", help="Align photographs first, or take FFHQ crops of 1024 px as is.")
    ] = False,
    parser: Annotated[
        Path | None, typer.Option("--parser", help="BiSeNet face parser as ONNX; masks from the face mesh if left out.")
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, max=64, help="Processes.")] = _DEFAULT_WORKERS,
) -> None:
    """Make weak wrinkle labels: texture maps, 0 outside the face.

    Pictures that cannot be read or show no face are reported, listed in manifest.json with their error, and the others
    go on. Exit code 1 when no label could be made for any picture, else 0.
    """
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    from wrinkle_core.errors import InvalidParameterError
    from wrinkle_train.weak_labels.labeller import WeakLabelOptions
    from wrinkle_train.weak_labels.run import make_weak_labels

    modes: dict[str, Literal["literal", "dark_floor"]] = {"literal": "literal", "dark_floor": "dark_floor"}
    if mode not in modes:
        raise InvalidParameterError(f"There is no mode {mode!r}; choose literal or dark_floor.")
    console = Console(stderr=True)
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("Weak labels", total=None)
        report = make_weak_labels(
            images,
            out,
            WeakLabelOptions(modes[mode], align, parser),
            workers=workers,
            on_photo=lambda done, total: progress.update(bar, completed=done, total=total),
        )
    for file in report.failed:
        console.print(f"{file.source}: {file.error}", style="red", markup=False, highlight=False)
    console.print(
        f"{report.made} labels made, {report.kept} kept, {len(report.failed)} pictures without one; {out}",
        markup=False,
        highlight=False,
    )
    if report.failed and not report.made and not report.kept:
        raise typer.Exit(1)
