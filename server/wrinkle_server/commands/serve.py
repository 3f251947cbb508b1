"""``wrinkle serve``: assemble a repository, start Triton on it, say where it listens, stop it without a trace."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Final, cast, get_args

import platformdirs
import typer
from rich.console import Console

from wrinkle_core.assets import fetch_assets, locate_assets
from wrinkle_core.contract import SEGMENTERS
from wrinkle_core.errors import ArtifactError, InvalidParameterError, ServerStartError
from wrinkle_export.repository.assemble import assemble_repository, served_segmenters
from wrinkle_export.repository.choice import chosen_networks
from wrinkle_export.repository.deployment import Deployment
from wrinkle_server.triton.leftovers import new_run_name
from wrinkle_server.triton.model_server import ModelServer
from wrinkle_server.triton.options import LOOPBACK, LogLevel, ServerOptions, is_loopback

__all__ = ["compiled_networks_folder", "serve"]

_ALL: Final = ",".join(spec.name for spec in SEGMENTERS)
_MAX_DEFAULT_INSTANCES: Final = 4
_WATCH_S: Final = 1.0
_DEFAULT_HTTP_PORT: Final = 8000
_console: Final = Console(soft_wrap=True)


def serve(
    model_repository: Annotated[
        Path | None, typer.Option(help="Repository assembled before; by default one is made from the bundled weights.")
    ] = None,
    models: Annotated[str, typer.Option(help="Segmenters to serve, separated by commas.")] = _ALL,
    onnx: Annotated[
        list[str] | None, typer.Option(metavar="NAME=PATH", help="An ONNX file, not the bundled one.")
    ] = None,
    build: Annotated[
        Path | None, typer.Option("--build", "-b", help="Build folder of `wrinkle export`, not the bundled weights.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; anything but loopback needs a gateway.")] = LOOPBACK,
    http_port: Annotated[int, typer.Option(min=1, max=65535, help="HTTP inference.")] = _DEFAULT_HTTP_PORT,
    grpc_port: Annotated[int, typer.Option(min=1, max=65535, help="gRPC inference.")] = 8001,
    metrics_port: Annotated[int, typer.Option(min=1, max=65535, help="Prometheus metrics.")] = 8002,
    instances: Annotated[
        int, typer.Option(min=0, max=64, help="Processes per pre- and postprocessing step; 0 is one per core, up to 4.")
    ] = 0,
    threads: Annotated[int, typer.Option(min=0, max=1024, help="Threads per segmenter; 0 is every core.")] = 0,
    precision: Annotated[str, typer.Option(help="auto, f32, bf16 or int8.")] = "auto",
    log_level: Annotated[str, typer.Option(help="error, warning, info or verbose.")] = "warning",
    log_file: Annotated[
        Path | None, typer.Option(help="Triton's log, begun anew; by default in this user's log folder.")
    ] = None,
) -> None:
    """Serve wrinkle segmentation on this machine with NVIDIA Triton, until Ctrl-C."""
    began = time.monotonic()
    if not is_loopback(host):
        _console.print(
            f"[yellow]Listening on {host}: Triton bounds neither request size nor who may ask. "
            "Let nobody but a gateway reach it.[/yellow]"
        )
    _have_face_networks()
    count = instances or min(_MAX_DEFAULT_INSTANCES, len(os.sched_getaffinity(0)))
    deployment = Deployment(
        "openvino",
        preprocess_instances=count,
        threshold_instances=count,
        threads=threads,
        cache_dir=str(compiled_networks_folder()),
    )
    try:
        with (
            _interruptible(),
            _repository(model_repository, models, onnx or [], build, precision, deployment) as repository,
        ):
            options = ServerOptions(
                repository,
                served_segmenters(repository),
                host=host,
                http_port=http_port,
                grpc_port=grpc_port,
                metrics_port=metrics_port,
                log_level=cast(LogLevel, _one_of("--log-level", log_level, get_args(LogLevel))),
                log_path=log_file or platformdirs.user_log_path("wrinkle-serving") / f"tritonserver-{http_port}.log",
            )
            with ModelServer(options) as server:
                _tell(options, time.monotonic() - began)
                while not server.wait(_WATCH_S):
                    for name in server.repair():
                        _console.print(f"[yellow]A process of {name} had died; the model is loaded again.[/yellow]")
                raise ServerStartError(f"tritonserver ended by itself: {server.last_words()}")
    except KeyboardInterrupt:
        _console.print("Stopped.")


def compiled_networks_folder() -> Path:
    """Return the folder where OpenVINO keeps what it compiled, so that a second start takes seconds."""
    folder = platformdirs.user_cache_path("wrinkle-serving") / "openvino"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _have_face_networks() -> None:
    try:
        locate_assets()
    except ArtifactError:
        _console.print("Fetching the face networks, once …")
        fetch_assets()


def _one_of(option: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise InvalidParameterError(f"{option} is one of {', '.join(choices)}, got {value!r}.")
    return value


@contextmanager
def _repository(
    given: Path | None, models: str, onnx: list[str], build: Path | None, precision: str, deployment: Deployment
) -> Iterator[Path]:
    if given is not None:
        if onnx or build or models != _ALL:
            raise InvalidParameterError("--model-repository is served as it is; leave out --models, --build, --onnx.")
        yield given.resolve()
        return
    networks = chosen_networks(models, onnx, build, precision=precision)
    with tempfile.TemporaryDirectory(prefix=f"{new_run_name()}-") as folder:
        yield assemble_repository(Path(folder, "repository"), networks, deployment)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Turn the first SIGINT, SIGTERM or SIGHUP into KeyboardInterrupt and ignore later ones: stopping is bounded."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(number: int, frame: FrameType | None) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    previous = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _tell(options: ServerOptions, seconds: float) -> None:
    names = ", ".join(spec.name for spec in options.segmenters)
    _console.print(f"[bold green]Ready[/bold green] after {seconds:.1f} s, serving {names}.")
    _console.print(f"  HTTP     http://{options.host}:{options.http_port}")
    _console.print(f"  gRPC     {options.host}:{options.grpc_port}")
    _console.print(f"  metrics  http://{options.host}:{options.metrics_port}/metrics")
    _console.print(f"  log      {options.log_path}")
    url = "" if options.http_port == _DEFAULT_HTTP_PORT else f" --url http://{options.host}:{options.http_port}"
    _console.print(f"Try `wrinkle segment PHOTO --out DIR{url}` in another terminal. Ctrl-C stops.")
