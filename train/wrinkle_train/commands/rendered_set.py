"""``wrinkle rendered-set``: render a data set of faces with drawn wrinkles, for training without FFHQ."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["rendered_set"]


def rendered_set(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the set; a stopped run goes on there.")],
    data: Annotated[Path, typer.Option("--data", help="Folder with faces.csv and wrinkle_masks.csv.")] = Path(
        "../shared/data"
    ),
    train: Annotated[int, typer.Option("--train", min=1, help="Pictures to train on.")] = 200,
    val: Annotated[int, typer.Option("--val", min=1, help="Pictures to choose with.")] = 25,
    test: Annotated[int, typer.Option("--test", min=1, help="Pictures to test on.")] = 25,
    side_px: Annotated[int, typer.Option("--side-px", min=64, max=2048, help="Side of the square pictures.")] = 1024,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed, another set.")] = 20_240_901,
) -> None:
    """Render faces with drawn wrinkles into images/, masks/, ignored/ and splits/, with a manifest.

    Bit-identical when run again. Scores on rendered wrinkles are not scores on real ones.
    """
    import cv2
    from rich.console import Console
    from rich.progress import Progress

    from wrinkle_train.data.rendered_set import RenderedSetPlan, library_sha256, make_rendered_set
    from wrinkle_train.render.faces import read_library

    plan = RenderedSetPlan(train, val, test, side_px, seed)
    cv2.setNumThreads(1)
    console = Console(stderr=True)
    with console.status("Reading faces and wrinkle drawings"):
        libraries = read_library(data, "train"), read_library(data, "val")
        data_sha256 = library_sha256(data)
    with Progress(console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("Rendering", total=train + val + test)
        make_rendered_set(*libraries, data_sha256, plan, out, lambda done, _: progress.update(bar, completed=done))
    console.print(f"{train} + {val} + {test} pictures of {side_px} px in {out}.", markup=False, highlight=False)
