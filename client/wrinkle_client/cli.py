"""The ``wrinkle`` command: options of its own, and how errors look to a person.

Exit codes: see ``exit_codes.py``.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from wrinkle_client.batch_run.printable import printable
from wrinkle_client.command_group import CommandGroup
from wrinkle_client.exit_codes import exit_code_of
from wrinkle_core.errors import WrinkleError

__all__ = ["app", "main"]

app = typer.Typer(
    name="wrinkle",
    cls=CommandGroup,
    help="Wrinkle segmentation: find wrinkles in photographs of faces, serve the models, train them.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"wrinkle {version('wrinkle-serving')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Hold the options that come before a sub-command."""


def main() -> None:
    """Run ``wrinkle`` with the process's arguments and exit."""
    try:
        app(prog_name="wrinkle")
    except WrinkleError as error:
        message = "\n".join(map(printable, str(error).splitlines()))  # it may name a file, and those come from anywhere
        typer.secho(f"{error.code}: {message}", fg=typer.colors.RED, err=True)
        sys.exit(exit_code_of(error))


if __name__ == "__main__":
    main()
