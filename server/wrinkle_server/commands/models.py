"""``wrinkle models``: new versions of a segmenter in a running server."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from wrinkle_core.contract import SEGMENTERS, segmenter
from wrinkle_core.errors import InvalidParameterError
from wrinkle_export.repository.choice import chosen_networks
from wrinkle_server.models.rollout import Rollout
from wrinkle_server.models.standing import Comparison
from wrinkle_server.running import RunningServer, running_server

__all__ = ["app"]

_SHOWN_DIGEST_CHARS: Final = 12
_console: Final = Console(soft_wrap=True)

app = typer.Typer(
    name="models",
    help="Load, promote and take back versions of a segmenter in a running server, without losing a request.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Server to act on, where several run.")]
Segmenter = Annotated[str, typer.Argument(help=f"{' or '.join(spec.name for spec in SEGMENTERS)}.")]


@app.command("list")
def list_versions(
    http_port: Port = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: JSON on standard output.")] = False,
) -> None:
    """Show every version in the repository of the running server."""
    server = running_server(http_port)
    served = [spec for spec in SEGMENTERS if (server.repository / spec.ensemble).is_dir()]
    states = {spec.name: Rollout(server, spec).states() for spec in served}
    if as_json:
        typer.echo(json.dumps({name: [asdict(state) for state in versions] for name, versions in states.items()}))
        return
    table = Table("segmenter", "version", "state", "sha256", "added (UTC)", "serves since")
    for name, versions in states.items():
        for state in versions:
            stands = "[green]serves[/green]" if state.serving else ("loaded" if state.loaded else "not loaded")
            if state.serving and not state.loaded:
                stands = "[red]serves, not loaded[/red]"
            digest = state.sha256[:_SHOWN_DIGEST_CHARS]
            row = (name, str(state.version), stands, digest, _minute(state.added), _minute(state.serving_since))
            table.add_row(*row)
    _console.print(table)
    _warn_when_temporary(server)


@app.command()
def load(
    name: Segmenter,
    onnx: Annotated[Path | None, typer.Option(metavar="FILE", help="An ONNX file.")] = None,
    build: Annotated[Path | None, typer.Option("--build", "-b", help="Build folder of `wrinkle export`.")] = None,
    version: Annotated[
        int | None, typer.Option(min=1, help="A version that lies in the repository, instead of a new one.")
    ] = None,
    precision: Annotated[str, typer.Option(help="As for `wrinkle serve`.")] = "auto",
    http_port: Port = None,
) -> None:
    """Load a version beside the serving one and compare the two on the canary photograph; users notice nothing."""
    if sum(one is not None for one in (onnx, build, version)) != 1:
        raise InvalidParameterError("Give exactly one of --onnx FILE, --build FOLDER and --version N.")
    server = running_server(http_port)
    rollout = Rollout(server, segmenter(name))
    if version is not None:
        comparison = rollout.load_again(version)
    else:
        replacements = (f"{name}={onnx}",) if onnx is not None else ()
        runtime = rollout.runtime()
        network = chosen_networks(name, replacements, build, runtime, precision)[name]
        comparison = rollout.load(network)
    _tell(name, comparison)
    _warn_when_temporary(server)


@app.command()
def promote(
    name: Segmenter, version: Annotated[int, typer.Argument(min=1, help="A loaded version.")], http_port: Port = None
) -> None:
    """Let a loaded version serve; when it then fails the canary, the one from before serves again."""
    server = running_server(http_port)
    Rollout(server, segmenter(name)).promote(version)
    _console.print(f"Version {version} of {name} serves. `wrinkle models rollback {name}` takes it back.")
    _warn_when_temporary(server)


@app.command()
def rollback(name: Segmenter, http_port: Port = None) -> None:
    """Let the version serve again that served before."""
    server = running_server(http_port)
    version = Rollout(server, segmenter(name)).roll_back()
    _console.print(f"Version {version} of {name} serves again.")
    _warn_when_temporary(server)


def _tell(name: str, comparison: Comparison) -> None:
    _console.print(
        f"Version {comparison.version} of {name} is loaded and does not serve yet. On the canary photograph:"
    )
    _console.print(
        f"  wrinkled skin       {comparison.wrinkled_fraction:.2%}, serving version "
        f"{comparison.serving}: {comparison.serving_wrinkled_fraction:.2%}"
    )
    _console.print(f"  overlap of masks    IoU {comparison.iou:.3f}")
    _console.print(f"`wrinkle models promote {name} {comparison.version}` lets it serve.")


def _minute(moment: str) -> str:
    """Return an ISO 8601 time to the minute, as a person reads it."""
    return moment[:16].replace("T", " ")


def _warn_when_temporary(server: RunningServer) -> None:
    if server.temporary:
        _console.print(
            "[yellow]This server made its repository itself and removes it when it stops: new versions go with it. "
            "Serve a repository of `wrinkle export repository` to keep them.[/yellow]"
        )
