"""Options that every command takes which talks to a server, and the client they make."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from wrinkle_client.client import Client
from wrinkle_client.credentials import read_token
from wrinkle_core.contract import SEGMENTERS

__all__ = ["CaFile", "Model", "Threshold", "TimeoutS", "TokenFile", "Url", "open_client", "require_model"]

_MODELS: Final = " or ".join(spec.name for spec in SEGMENTERS)

Model: TypeAlias = Annotated[str, typer.Option("--model", "-m", help=f"{_MODELS}.")]
Url: TypeAlias = Annotated[
    str,
    typer.Option("--url", envvar="WRINKLE_URL", help="Server: http(s)://, grpc(s):// or torchserve(s)://host:port."),
]
Threshold: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--threshold", help="Probability from which a pixel is a wrinkle, 0 to 1; the model's own if left out."
    ),
]
TimeoutS: TypeAlias = Annotated[float, typer.Option("--timeout-s", help="Seconds allowed per photograph.")]
TokenFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--token-file", help="File with the gateway's token; else the environment's WRINKLE_TOKEN."),
]
CaFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--ca-file", envvar="WRINKLE_CA_FILE", help="PEM file of the authority behind a https server."),
]


def open_client(url: str, token_file: Path | None, ca_file: Path | None) -> Client:
    """Return a client for the server that the options name.

    Raises:
        InvalidParameterError: The URL, the token or the authority's file cannot be used.
    """
    token = os.environ.get("WRINKLE_TOKEN") if token_file is None else read_token(token_file)
    return Client(url, token=token or None, ca_file=ca_file)


def require_model(client: Client, model: str, timeout_s: float) -> None:
    """Fail at once when no server answers; wait for a model that is still loading."""
    ready = {info.name: info.ready for info in client.models(timeout_s=timeout_s)}
    if not ready[model]:
        typer.echo(f"Waiting until the server has loaded {model}.", err=True)
        client.wait_ready(timeout_s, models=(model,))
