"""``wrinkle train``: run a recipe, or go on with one that was interrupted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wrinkle_train.recipe_files import find_recipe, recipe_names

__all__ = ["app", "train"]

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help=f"Recipe file, or one of: {', '.join(recipe_names())}.")],
    data: Annotated[Path, typer.Option("--data", help="Folder with faces.csv and wrinkle_masks.csv.")] = Path(
        "../shared/data"
    ),
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder of the run; runs/RECIPE if left out.")] = None,
    max_steps: Annotated[int | None, typer.Option("--max-steps", min=1, help="Stop after so many steps.")] = None,
    max_minutes: Annotated[float | None, typer.Option("--max-minutes", min=0, help="Stop after so long.")] = None,
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="Torch's threads.")] = None,
) -> None:
    """Train a network from a recipe.

    Goes on where the run in --out stopped, if the recipe is the same. Writes last.ckpt, model.safetensors (averaged
    weights, float16), curve.jsonl and recipe.json there.
    """
    import torch
    from rich.console import Console

    from wrinkle_train.recipe import load_recipe
    from wrinkle_train.render.faces import read_library
    from wrinkle_train.training import train as run

    path = find_recipe(recipe)
    chosen = load_recipe(path)
    if threads is not None:
        torch.set_num_threads(threads)
    console = Console()
    with console.status("Reading faces and wrinkle drawings"):
        library = read_library(data, "train")
    console.print(f"{len(library.faces)} faces, {len(library.drawings)} drawings, {chosen.train.steps} steps.")
    result = run(chosen, library, out or Path("runs") / path.stem, max_steps=max_steps, max_minutes=max_minutes)
    console.print(f"{result.steps} of {chosen.train.steps} steps done; weights in {result.weights}.")
    console.print("Make it servable with: wrinkle export onnx WEIGHTS --out FILE.onnx")
