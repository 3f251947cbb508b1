"""``wrinkle view``: a run as one HTML page."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["view"]


def view(
    run: Annotated[Path, typer.Argument(metavar="RUN-FOLDER", help="Folder that `wrinkle segment` wrote.")],
    open_page: Annotated[bool, typer.Option("--open/--no-open", help="Show the page in a browser.")] = True,
    include_originals: Annotated[
        bool, typer.Option("--include-originals", help="Copy the photographs, shrunk, into the report too.")
    ] = False,
) -> None:
    """Write RUN-FOLDER/report.html and open it: figures, failures and every picture, without a server.

    The page asks no address for anything. Overlays show the face, so pass the folder on like the photographs
    themselves.
    """
    from rich.console import Console
    from rich.progress import Progress

    from wrinkle_client.exit_codes import ExitCode
    from wrinkle_client.html_report.run_report import write_run_report

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("Shrinking pictures", total=None)
        try:
            page = write_run_report(run, include_originals=include_originals, advance=lambda: progress.advance(task))
        except OSError as error:
            typer.secho(f"Cannot write to {run}: {error.strerror or error}.", fg=typer.colors.RED, err=True)
            raise typer.Exit(ExitCode.ENVIRONMENT) from error
    typer.echo(str(page))
    if open_page and not webbrowser.open(page.resolve().as_uri()):
        typer.echo("No browser could be opened; open the page yourself.", err=True)
