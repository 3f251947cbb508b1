"""``wrinkle recipes``: every bundled recipe with its row, network, parameter count and published figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from wrinkle_train.recipe import NetworkRecipe, PaperRow

__all__ = ["recipes"]


def recipes(
    table: Annotated[int | None, typer.Option("--table", min=1, max=4, help="Only this table of the papers.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Also write the list as CSV.")] = None,
) -> None:
    """List the recipes: network, parameters, published IoU and F1; the CSV has rows and all figures.

    Parameters are counted in the networks themselves; SwinUNETR's without its position tables, as the paper prints
    them. In the CSV the printed count, where there is one, follows in brackets.
    """
    import csv

    from rich.console import Console
    from rich.table import Column, Table

    from wrinkle_train.networks.registry import count_parameters
    from wrinkle_train.recipe import FilterRecipe, load_any_recipe
    from wrinkle_train.recipe_files import find_recipe, recipe_names

    counts: dict[NetworkRecipe, int] = {}
    rows = []
    for name in recipe_names():
        recipe = load_any_recipe(find_recipe(name))
        paper = recipe.paper
        if table is not None and (paper is None or paper.table != table):
            continue
        if isinstance(recipe, FilterRecipe):
            network, parameters = f"filter {recipe.filter}", "none"
        else:
            if recipe.network not in counts:
                counts[recipe.network] = count_parameters(recipe.network)
            network, parameters = _network(recipe.network), f"{counts[recipe.network]:,}"
        if paper is not None and paper.parameters_m is not None:
            parameters += f" ({paper.parameters_m} M)"
        place = "" if paper is None or paper.table is None else f"{paper.table}"
        row = "" if paper is None else paper.row + (f", {paper.regime}" if paper.regime else "")
        rows.append((name, place, row, network, parameters, _published(paper), *_overlap(paper)))
    columns = ("recipe", "table", "row", "network", "parameters", "published")
    kept = ("parameters", "IoU", "F1")
    shown = Table(Column("recipe", no_wrap=True), "network", *(Column(name, no_wrap=True) for name in kept))
    for name, _, _, network, parameters, _, iou, f1 in rows:
        shown.add_row(name, network, parameters.split(" ")[0], iou, f1)
    Console().print(shown)
    if out is not None:
        with out.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([columns, *(row[:-2] for row in rows)])


def _network(network: NetworkRecipe) -> str:
    details = {
        "unetpp": network.encoder + (", deep supervision" if network.deep_supervision else ""),
        "encoder_unet": network.encoder,
        "swin_unetr": f"feature {network.swin.feature_size}",
    }.get(network.name, f"width {network.width}")
    return f"{network.name} {details}, {network.in_channels} channels"


def _published(paper: PaperRow | None) -> str:
    figures = {} if paper is None else paper.published.model_dump(exclude_none=True)
    return ", ".join(f"{name} {value:.4f}" for name, value in figures.items())


def _overlap(paper: PaperRow | None) -> tuple[str, str]:
    """Return the published IoU and F1, empty where none was printed."""
    figures = (None, None) if paper is None else (paper.published.iou, paper.published.f1)
    iou, f1 = ("" if value is None else f"{value:.4f}" for value in figures)
    return iou, f1
