"""``wrinkle train``: run a recipe, or go on with one that was interrupted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wrinkle_train.recipe_files import find_recipe

if TYPE_CHECKING:
    from wrinkle_train.first_weights.initial import WeightFiles
    from wrinkle_train.fitting.fit import FitLimits
    from wrinkle_train.recipe import Recipe
    from wrinkle_train.training.train import RunResult

__all__ = ["app", "train"]

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="Recipe file, or a bundled one: see `wrinkle recipes`.")],
    data: Annotated[Path, typer.Option("--data", help="Folder of the data set, or of faces and drawings.")] = Path(
        "../shared/data"
    ),
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder of the run; runs/RECIPE if left out.")] = None,
    scale: Annotated[str, typer.Option("--scale", help="full, or rendered-small for minutes on two cores.")] = "full",
    weights: Annotated[
        Path | None, typer.Option("--weights", help="ImageNet weights of the encoder, where the recipe starts so.")
    ] = None,
    init: Annotated[
        Path | None, typer.Option("--init", help="Start from these weights, in place of a pretraining stage.")
    ] = None,
    max_steps: Annotated[int | None, typer.Option("--max-steps", min=1, help="Stop after so many steps.")] = None,
    max_minutes: Annotated[float | None, typer.Option("--max-minutes", min=0, help="Stop after so long.")] = None,
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="Torch's threads.")] = None,
) -> None:
    """Train a network from a recipe, its pretraining stage first.

    Goes on where the run in --out stopped, if recipe and data are the same. Writes run.json, last.ckpt,
    model.safetensors, best.safetensors (by validation F1) and curve.jsonl there, a pretraining stage to stages/ beside
    it. Start it with torchrun for several processes.
    """
    import torch
    from rich.console import Console

    from wrinkle_train.first_weights.initial import WeightFiles
    from wrinkle_train.fitting.fit import FitLimits
    from wrinkle_train.fitting.processes import process_rank
    from wrinkle_train.recipe import load_recipe
    from wrinkle_train.training.scale import require_scale, scaled

    path = find_recipe(recipe)
    chosen = scaled(load_recipe(path), require_scale(scale))
    if threads is not None:
        torch.set_num_threads(threads)
    console = Console(quiet=process_rank() > 0)
    folder = out or Path("runs") / (path.stem if scale == "full" else f"{path.stem}-{scale}")
    files = WeightFiles(imagenet=weights, initial=init)
    limits = FitLimits(max_steps=max_steps, max_minutes=max_minutes, show_progress=process_rank() == 0)
    if chosen.data.source == "rendered_crops":
        result = _on_crops(chosen, data, folder, files, limits)
    else:
        result = _on_records(chosen, data, folder, files, limits)
    best = "" if result.validation_f1 is None else f"; best validation F1 {result.validation_f1:.4f}"
    console.print(f"{result.steps} steps, {'done' if result.finished else 'to be continued'}{best}.")
    console.print(f"Weights in {result.chosen}.")
    if chosen.is_servable:
        console.print("Make it servable with: wrinkle export onnx WEIGHTS -b build/networks")


def _on_crops(recipe: Recipe, data: Path, folder: Path, files: WeightFiles, limits: FitLimits) -> RunResult:
    from wrinkle_train.first_weights.initial import initial_network
    from wrinkle_train.render.faces import read_library
    from wrinkle_train.training.crop_run import train_on_crops

    initial_network(recipe, files, None)  # a missing file is an error before any picture is read
    return train_on_crops(recipe, read_library(data, "train"), folder, files=files, limits=limits)


def _on_records(recipe: Recipe, data: Path, folder: Path, files: WeightFiles, limits: FitLimits) -> RunResult:
    from wrinkle_train.data.parts import read_parts
    from wrinkle_train.training.recipe_run import train_on_records

    parts = read_parts(data, recipe.data)
    return train_on_records(recipe, parts, folder.parent, folder, files=files, limits=limits)
