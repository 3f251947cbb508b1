"""``wrinkle assets``: fetch the face networks once, and show what is here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wrinkle_core.assets import AssetFile, assets_folder, check_assets, fetch_assets

__all__ = ["app"]

app = typer.Typer(
    name="assets",
    help="The face detection and face mesh networks, taken from MediaPipe's wheel.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command()
def fetch(
    from_wheel: Annotated[
        Path | None,
        typer.Option(
            help="A mediapipe 0.10.21 wheel (CPython 3.11, manylinux_2_28_x86_64) for hosts without a package index.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Fetch again even when all files are right.")] = False,
) -> None:
    """Fetch the networks into the user's cache, or do nothing when they are there."""
    if not force and all(file.state == "verified" for file in check_assets()):
        typer.echo(f"The face networks are already in {assets_folder()}; nothing to do.")
        return
    fetch_assets(from_wheel=from_wheel, force=force)
    typer.echo(f"Stored the face networks in {assets_folder()}.")


@app.command()
def show() -> None:
    """Show where the networks are and whether they are intact; exit code 1 when they are not."""
    files = check_assets()
    for file in files:
        typer.echo(_line(file))
    if any(file.state != "verified" for file in files):
        typer.echo("Run `wrinkle assets fetch`.", err=True)
        raise typer.Exit(1)


def _line(file: AssetFile) -> str:
    return f"{file.state:<9} {file.path}"
