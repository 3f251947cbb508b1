"""Options that several commands share, and how they talk to whoever waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from rich.console import Console

from wrinkle_core.contract import SEGMENTERS, segmenter

__all__ = ["Fresh", "Models", "Out", "Wheel", "chosen_models", "teller"]

Out: TypeAlias = Annotated[Path, typer.Option(help="Folder for the figures.")]
Fresh: TypeAlias = Annotated[bool, typer.Option("--fresh", help="Begin anew instead of adding what is missing.")]
Models: TypeAlias = Annotated[
    str, typer.Option(help=f"Segmenters, separated by commas: {', '.join(spec.name for spec in SEGMENTERS)}.")
]
Wheel: TypeAlias = Annotated[
    Path | None, typer.Option(help="The wheel of tritonclient 2.51.0 at hand, where pip reaches no index.")
]


def chosen_models(text: str) -> list[str]:
    """Return the segmenters that a command line names.

    Raises:
        InvalidParameterError: There is no such segmenter.
    """
    return [segmenter(name.strip()).name for name in text.split(",")]


def teller() -> Callable[[str], None]:
    """Return what prints a line with the seconds since now before it."""
    console, began_s = Console(soft_wrap=True), time.monotonic()

    def tell(message: str) -> None:
        console.print(f"{time.monotonic() - began_s:6.1f} s  {message}", highlight=False)

    return tell
