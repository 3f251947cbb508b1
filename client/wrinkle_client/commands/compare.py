"""``wrinkle compare``: two photographs of one person, before and after."""

from __future__ import annotations

import webbrowser
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wrinkle_client.commands.connection_options import (
    CaFile,
    Model,
    Threshold,
    TimeoutS,
    TokenFile,
    Url,
    open_client,
    require_model,
)
from wrinkle_client.endpoint import DEFAULT_URL
from wrinkle_client.exit_codes import ExitCode
from wrinkle_client.request import check_threshold
from wrinkle_client.terminal.view import OutputFormat
from wrinkle_core.contract import SEGMENTERS, segmenter

if TYPE_CHECKING:
    from wrinkle_client.before_after.comparison import Comparison

__all__ = ["compare"]


def compare(
    before: Annotated[Path, typer.Argument(metavar="BEFORE", help="First photograph.")],
    after: Annotated[Path, typer.Argument(metavar="AFTER", help="Second photograph of the same person.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results; made when missing.")],
    model: Model = SEGMENTERS[0].name,
    url: Url = DEFAULT_URL,
    threshold: Threshold = None,
    repeats: Annotated[
        bool,
        typer.Option(
            "--repeats/--no-repeats", help="Segment changed copies too, to learn which changes mean anything."
        ),
    ] = True,
    output: Annotated[
        OutputFormat, typer.Option("--format", help="A table, comparison.json on standard output, or errors only.")
    ] = OutputFormat.HUMAN,
    open_page: Annotated[bool, typer.Option("--open/--no-open", help="Show the page in a browser.")] = False,
    timeout_s: TimeoutS = 60.0,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
) -> None:
    """Compare two photographs of one person: what changed per region, which lines are new, kept or gone.

    Writes compare.html, comparison.json, before.png, after.png, side-by-side.png and change.png. Light, pose, focus
    and expression change the figures; warnings say when the two were not taken alike. It is no diagnosis and does not
    check that both show the same person. Needs the extra wrinkle-serving[prepare].
    """
    from wrinkle_client.before_after import comparison as comparisons
    from wrinkle_client.before_after.saving import save_comparison
    from wrinkle_client.photo import read_photo
    from wrinkle_core.contract import DEFAULT_MAX_ENCODED_BYTES

    segmenter(model)
    check_threshold(threshold)
    first, second = (read_photo(path, max_encoded_bytes=DEFAULT_MAX_ENCODED_BYTES) for path in (before, after))
    with open_client(url, token_file, ca_file) as client:
        require_model(client, model, timeout_s)
        segment = partial(client.segment, model=model, threshold=threshold, geometry=True, timeout_s=timeout_s)
        comparison = comparisons.compare(first, second, segment, repeats=repeats)
    try:
        page = save_comparison(comparison, out, before_name=before.name, after_name=after.name)
    except OSError as error:
        typer.secho(f"Cannot write to {out}: {error.strerror or error}.", fg=typer.colors.RED, err=True)
        raise typer.Exit(ExitCode.ENVIRONMENT) from error
    _show(comparison, page, output)
    if open_page and not webbrowser.open(page.resolve().as_uri()):
        typer.echo("No browser could be opened; open the page yourself.", err=True)


def _show(comparison: Comparison, page: Path, output: OutputFormat) -> None:
    if output is OutputFormat.JSON:
        import json

        typer.echo(json.dumps(comparison.to_document(), allow_nan=False, separators=(",", ":")))
    elif output is OutputFormat.HUMAN:
        from rich.console import Console

        from wrinkle_client.terminal.change_table import change_table

        Console().print(change_table(comparison))
        typer.echo(f"Page: {page}")
