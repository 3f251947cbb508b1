"""``wrinkle reproduce``: run all rows of a table of the papers and write ours beside what they printed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from wrinkle_train.tables.report import TableNumber

__all__ = ["reproduce"]


def reproduce(
    table: Annotated[str, typer.Argument(help="table1, table2, table3 or table4.")],
    data: Annotated[
        Path, typer.Option("--data", help="FFHQ with its masks, a rendered set, or faces and drawings to render one.")
    ] = Path("../shared/data"),
    scale: Annotated[
        str, typer.Option("--scale", help="full, as the papers, or rendered-small: minutes on two cores.")
    ] = "full",
    out: Annotated[Path, typer.Option("--out", "-o", help="Runs and tables; a stopped call goes on there.")] = Path(
        "runs/tables"
    ),
    weights: Annotated[
        list[str] | None,
        typer.Option("--weights", help="ImageNet weights as ENCODER=FILE, such as resnet50=resnet50.pth or swin=..."),
    ] = None,
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="Torch's threads.")] = None,
) -> None:
    """Train and score every row of a table.

    Writes TABLE.md, TABLE.csv, TABLE-images.csv and TABLE.jpg (examples; not to be published where the pictures may
    not be). Rows with the same recipe share one run; what was done in --out is not done again. Scores on rendered
    wrinkles do not reproduce the papers' numbers.
    """
    import torch
    from rich.console import Console

    from wrinkle_train.tables.figure import write_sheet
    from wrinkle_train.tables.report import images_csv, summary_csv, table_markdown
    from wrinkle_train.tables.rows import RowFiles, run_row, table_recipes
    from wrinkle_train.tables.set_folder import set_folder
    from wrinkle_train.training.scale import require_scale

    number, chosen = _table(table), require_scale(scale)
    files_by_encoder = _weights(weights or [])
    if threads is not None:
        torch.set_num_threads(threads)
    console = Console(stderr=True)
    recipes = table_recipes(number)
    with console.status("Reading the data"):
        folder, origin = set_folder(data, out, chosen)
    files = RowFiles(folder, out, files_by_encoder)
    rows = []
    for place, (name, recipe) in enumerate(recipes, start=1):
        console.print(f"{place} of {len(recipes)}: {name}", highlight=False)
        rows.append(run_row(name, recipe, files, chosen, show_progress=console.is_terminal))
        console.print(f"  F1 {rows[-1].scores.mean.f1:.4f}", highlight=False)
    heading = [f"Made by `wrinkle reproduce {table} --scale {chosen}` on {origin}.", *_CAVEATS[chosen]]
    page = out / f"{table}.md"
    page.write_text(table_markdown(number, rows, heading), encoding="utf-8")
    (out / f"{table}.csv").write_text(summary_csv(rows), encoding="utf-8")
    (out / f"{table}-images.csv").write_text(images_csv(rows), encoding="utf-8")
    write_sheet(out / f"{table}.jpg", rows)
    console.print(f"Written: {page}", highlight=False, markup=False)


_CAVEATS: Final = {
    "full": ("Cut at 0.5. Seeds and splits are this project's own: the papers do not publish theirs.",),
    "rendered-small": (
        "**These figures do not reproduce the papers' numbers and cannot:** the wrinkles are rendered, the networks "
        "small, the runs a minute long. They show that every row runs through its own code.",
        "Trained on crops of a 512 px frame for 126, 252 or 504 steps, pretraining stages for 126; cut at 0.5; one "
        "seed. Rows that start from ImageNet in the papers start as the last table says.",
    ),
}


def _table(name: str) -> TableNumber:
    from wrinkle_core.errors import InvalidParameterError
    from wrinkle_train.tables.report import TABLES

    for number in TABLES:
        if name == f"table{number}":
            return number
    raise InvalidParameterError(f"There is no {name[:40]!r}; choose table1, table2, table3 or table4.")


def _weights(given: list[str]) -> dict[str, Path]:
    from wrinkle_core.errors import InvalidParameterError

    named = [text.partition("=") for text in given]
    for encoder, equals, file in named:
        if not (encoder and equals and file):
            raise InvalidParameterError(
                f"--weights takes ENCODER=FILE, such as resnet50=resnet50.pth, got {encoder!r}."
            )
    return {encoder: Path(file) for encoder, _, file in named}
