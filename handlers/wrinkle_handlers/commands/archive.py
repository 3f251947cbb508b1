"""``wrinkle torchserve archive``: checkpoints into .mar files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast, get_args

import typer
from rich.console import Console

from wrinkle_core.contract import SEGMENTERS
from wrinkle_core.errors import InvalidParameterError
from wrinkle_export.bundle import bundled
from wrinkle_handlers.archive.model_archive import write_archive
from wrinkle_handlers.archive.model_config import ModelConfig
from wrinkle_handlers.options import HandlerOptions, TorchPrecision

__all__ = ["archive", "bundled_checkpoints"]

_DEFAULTS = ModelConfig()


def archive(
    weights: Annotated[
        list[Path] | None, typer.Argument(help="safetensors checkpoints; without any, the weights of this package.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the .mar files.")] = Path("model-store"),
    workers: Annotated[int, typer.Option(help="Processes of each model.")] = _DEFAULTS.workers,
    batch_size: Annotated[int, typer.Option(help="Most photographs of one batch.")] = _DEFAULTS.batch_size,
    max_batch_delay_ms: Annotated[
        int, typer.Option(help="Longest wait for a batch to fill.")
    ] = _DEFAULTS.max_batch_delay_ms,
    response_timeout_s: Annotated[
        int, typer.Option(help="A worker that has not answered by then is started anew.")
    ] = _DEFAULTS.response_timeout_s,
    precision: Annotated[str, typer.Option(help="fp32, or bf16 for autocast.")] = _DEFAULTS.handler.precision,
    compile_network: Annotated[
        bool, typer.Option("--compile/--eager", help="Compile with torch.compile when a worker starts: minutes, once.")
    ] = False,
    threads: Annotated[int, typer.Option(min=0, help="Threads of a worker's network; 0: every core.")] = 0,
    model_version: Annotated[str, typer.Option(help="What TorchServe calls this version: a whole number.")] = "1",
) -> None:
    """Write one .mar file per checkpoint; the same inputs give the same bytes."""
    handler = HandlerOptions(precision=_precision(precision), compile=compile_network, threads=threads)
    config = ModelConfig(
        workers=workers,
        batch_size=batch_size,
        max_batch_delay_ms=max_batch_delay_ms,
        response_timeout_s=response_timeout_s,
        handler=handler,
    )
    console = Console(soft_wrap=True)
    for checkpoint in weights or bundled_checkpoints():
        written = write_archive(checkpoint, out, config, model_version=model_version)
        console.print(f"{written.path}  {written.size_bytes / 1e6:.1f} MB, serves {written.spec.name}")
    console.print(f"Start it with `wrinkle torchserve start --model-store {out}`.")


def bundled_checkpoints() -> list[Path]:
    """Return the checkpoints that came with this installation, one per segmenter.

    Raises:
        ArtifactError: This installation has none.
    """
    return [bundled("checkpoints") / spec.name / "model.safetensors" for spec in SEGMENTERS]


def _precision(text: str) -> TorchPrecision:
    if text not in get_args(TorchPrecision):
        raise InvalidParameterError(f"--precision is fp32 or bf16, got {text[:40]!r}.")
    return cast(TorchPrecision, text)
