"""``wrinkle segment``: masks, overlays and figures for photographs, through a running server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from wrinkle_client.client import Client
from wrinkle_client.credentials import read_token
from wrinkle_client.endpoint import DEFAULT_URL
from wrinkle_client.exit_codes import ExitCode, exit_code_of
from wrinkle_client.output_names import output_stems
from wrinkle_client.result import SegmentationResult
from wrinkle_core.contract import SEGMENTERS, segmenter
from wrinkle_core.errors import ServerUnreachableError, UnauthorizedError, WrinkleError

__all__ = ["segment"]

_MODELS = " or ".join(spec.name for spec in SEGMENTERS)


def segment(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO", help="JPEG, PNG, WebP, BMP or TIFF files.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results; made when missing.")],
    model: Annotated[str, typer.Option("--model", "-m", help=f"{_MODELS}.")] = SEGMENTERS[0].name,
    url: Annotated[
        str, typer.Option("--url", envvar="WRINKLE_URL", help="Server: http(s)://host:port or grpc(s)://host:port.")
    ] = DEFAULT_URL,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold", help="Probability from which a pixel is a wrinkle, 0 to 1; the model's own if left out."
        ),
    ] = None,
    probability: Annotated[
        bool, typer.Option("--probability", help="Also write the probability map, NAME-probability.png.")
    ] = False,
    timeout_s: Annotated[float, typer.Option("--timeout-s", help="Seconds allowed per photograph.")] = 60.0,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", help="File with the gateway's token; else the environment's WRINKLE_TOKEN."),
    ] = None,
    ca_file: Annotated[
        Path | None,
        typer.Option("--ca-file", envvar="WRINKLE_CA_FILE", help="PEM file of the authority behind a https server."),
    ] = None,
) -> None:
    """Find the wrinkles in photographs, with a running server.

    Writes NAME-mask.png, NAME-overlay.png and NAME.json per photograph and prints figures per facial region. A
    photograph that fails is reported and the others go on. Exit codes, the highest that applies: 0 all done, 1 a
    photograph cannot be segmented, 2 wrong usage, 3 no server, model or place to write, 4 the server failed.
    """
    from rich.console import Console
    from rich.progress import Progress
    from stamina.instrumentation import set_on_retry_hooks

    from wrinkle_client.region_table import region_table

    set_on_retry_hooks(())  # with structlog installed they would write to standard output, between the tables
    segmenter(model)
    stems = output_stems(photos, out)
    console, errors = Console(), Console(stderr=True)
    failed, code = 0, ExitCode.OK
    token = os.environ.get("WRINKLE_TOKEN") if token_file is None else read_token(token_file)
    with (
        Client(url, token=token or None, ca_file=ca_file) as client,
        Progress(console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        _require_model(client, model, timeout_s)
        for photo, stem in progress.track(list(zip(photos, stems, strict=True)), description="Segmenting"):
            try:
                result = client.segment(
                    photo, model=model, threshold=threshold, probability=probability, timeout_s=timeout_s
                )
                _save(result, out, stem)
            except (ServerUnreachableError, UnauthorizedError):
                raise
            except WrinkleError as error:
                failed, code = failed + 1, max(code, exit_code_of(error))
                errors.print(f"{photo}: {error.code}: {error}", style="red", markup=False, highlight=False)
            else:
                console.print(region_table(photo.name, result))
    done = len(photos) - failed
    errors.print(f"{done} of {len(photos)} photographs segmented, results in {out}", markup=False, highlight=False)
    if failed:
        raise typer.Exit(code)


def _require_model(client: Client, model: str, timeout_s: float) -> None:
    """Fail at once when no server answers; wait for a model that is still loading."""
    ready = {info.name: info.ready for info in client.models(timeout_s=timeout_s)}
    if not ready[model]:
        typer.echo(f"Waiting until the server has loaded {model}.", err=True)
        client.wait_ready(timeout_s, models=(model,))


def _save(result: SegmentationResult, out: Path, stem: str) -> None:
    """Save, or end the run where the folder cannot be written: the next photograph would fare no better."""
    try:
        result.save(out, stem)
    except OSError as error:
        typer.secho(f"Cannot write to {out}: {error.strerror}.", fg=typer.colors.RED, err=True)
        raise typer.Exit(ExitCode.ENVIRONMENT) from error
