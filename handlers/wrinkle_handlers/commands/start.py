"""``wrinkle torchserve start``: TorchServe on this machine, until Ctrl-C."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import platformdirs
import typer
from rich.console import Console

from wrinkle_core.assets import fetch_assets, locate_assets
from wrinkle_core.errors import ArtifactError, ServerFaultError
from wrinkle_handlers.archive.model_archive import write_archive
from wrinkle_handlers.archive.model_config import ModelConfig
from wrinkle_handlers.commands.archive import bundled_checkpoints
from wrinkle_handlers.server.installation import find_torchserve
from wrinkle_handlers.server.options import TorchServeOptions
from wrinkle_handlers.server.torchserve import TorchServe
from wrinkle_server.commands.interruption import Interruption
from wrinkle_server.triton.options import LOOPBACK

__all__ = ["start"]

_console = Console(soft_wrap=True)


def start(
    model_store: Annotated[
        Path | None, typer.Option(help="Folder of .mar files; without one, the weights of this package are archived.")
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="HTTP inference, on loopback.")] = 8080,
    metrics_port: Annotated[int, typer.Option(min=1, max=65535, help="Prometheus metrics, on loopback.")] = 8082,
    max_waiting: Annotated[int, typer.Option(min=1, help="Requests that may wait for a model.")] = 16,
    log_file: Annotated[Path | None, typer.Option(help="TorchServe's log, begun anew.")] = None,
) -> None:
    """Run TorchServe on this machine with token authorisation, until Ctrl-C."""
    began_s = time.monotonic()
    find_torchserve()  # what is missing is told before anything is archived
    _have_face_networks()
    _console.print(
        "[yellow]TorchServe is archived upstream and gets no security patches; see docs/torchserve.md.[/yellow]"
    )
    try:
        with Interruption() as interruption, _store(model_store) as store:
            options = TorchServeOptions(store, port, metrics_port, log_file or _log_path(), max_waiting=max_waiting)
            server = TorchServe(options)
            interruption.hurry = server.kill
            with server:
                _tell(server, time.monotonic() - began_s)
                server.wait()
                raise ServerFaultError(f"TorchServe ended by itself: {server.last_words()}")
    except KeyboardInterrupt:
        _console.print("Stopped.")


@contextmanager
def _store(given: Path | None) -> Iterator[Path]:
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="wrinkle-torchserve-") as folder:
        for checkpoint in bundled_checkpoints():
            write_archive(checkpoint, Path(folder), ModelConfig())
        yield Path(folder)


def _log_path() -> Path:
    return platformdirs.user_log_path("wrinkle-serving") / "torchserve.log"


def _have_face_networks() -> None:
    try:
        locate_assets()
    except ArtifactError:
        _console.print("Fetching the face networks, once …")
        fetch_assets()


def _tell(server: TorchServe, seconds: float) -> None:
    options = server.options
    _console.print(f"[bold green]Ready[/bold green] after {seconds:.1f} s, serving {', '.join(options.models)}.")
    _console.print(f"  HTTP        http://{LOOPBACK}:{options.port}")
    _console.print(f"  metrics     http://{LOOPBACK}:{options.metrics_port}/metrics")
    _console.print(f"  token       {server.run.token}")
    _console.print(f"  management  {server.run.management_socket}, keys in {server.run.keys}")
    _console.print(f"  log         {options.log_path}")
    _console.print(
        f"Try `wrinkle segment PHOTO --out DIR --url {server.url} --token-file {server.run.token}` "
        "in another terminal. Ctrl-C stops."
    )
