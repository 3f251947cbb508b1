"""``wrinkle serve``: assemble a repository, keep a server running on it, say where it listens, stop without a trace."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from wrinkle_core.assets import fetch_assets, locate_assets
from wrinkle_core.errors import ArtifactError, InvalidParameterError
from wrinkle_export.repository.assemble import assemble_repository
from wrinkle_export.repository.choice import chosen_networks
from wrinkle_server.commands.interruption import Interruption
from wrinkle_server.gateway.kept_gateway import KeptGateway
from wrinkle_server.gateway.options import GatewayOptions
from wrinkle_server.running import RunningServer, announced
from wrinkle_server.settings.options import settings_options
from wrinkle_server.settings.resolve import (
    compiled_networks_folder,
    deployment,
    front_door,
    http_is_guarded,
    require_closed_inference,
    server_options,
    supervision_options,
)
from wrinkle_server.settings.serve_settings import ServeSettings
from wrinkle_server.settings.sources import load_settings
from wrinkle_server.settings.yaml_text import yaml_text
from wrinkle_server.supervision.log_format import configure_logs
from wrinkle_server.supervision.supervisor import Supervisor
from wrinkle_server.triton.held_folder import held
from wrinkle_server.triton.leftovers import new_run_name
from wrinkle_server.triton.options import LOOPBACK, ServerOptions, is_loopback
from wrinkle_server.triton.ports import require_free_ports
from wrinkle_server.triton.shared_memory import require_shared_memory

__all__ = ["run", "serve"]

_DEFAULTS: Final = ServeSettings()
_FIXED_BY_ASSEMBLING: Final = (
    *("models", "build", "onnx", "precision", "instances", "threads", "max_batch_size"),
    *("max_encoded_mib", "max_pixels_mpx", "max_waiting", "max_queue_size"),
)
_console: Final = Console(soft_wrap=True)


@settings_options
def serve(
    given: Mapping[str, Any],
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="YAML file with settings.")] = None,
    print_config: Annotated[bool, typer.Option("--print-config", help="Print the settings in force and exit.")] = False,
) -> None:
    """Serve wrinkle segmentation on this machine with NVIDIA Triton, until Ctrl-C."""
    settings = load_settings(given, config)
    if print_config:
        typer.echo(yaml_text(settings), nl=False)
        return
    configure_logs()
    began = time.monotonic()
    require_closed_inference(settings)
    if not is_loopback(settings.host):
        _console.print(
            f"[bold red]Triton itself listens on {settings.host}: one small request ends it, and it asks nobody who "
            "they are. Let nobody but a gateway reach it.[/bold red]"
        )
    _have_face_networks()
    try:
        with Interruption() as interruption, _repository(settings) as repository, _http_socket(settings) as socket:
            options = server_options(settings, repository, socket)
            if warning := require_shared_memory(repository):
                _console.print(f"[yellow]{warning}[/yellow]")
            run(settings, options, interruption, lambda: _tell(settings, options, time.monotonic() - began))
    except KeyboardInterrupt:
        _console.print("Stopped.")


def run(
    settings: ServeSettings, options: ServerOptions, interruption: Interruption, on_ready: Callable[[], None]
) -> None:
    """Serve until interrupted.

    Args:
        settings: What the operator chose.
        options: How Triton is started.
        interruption: A second signal ends the server at once.
        on_ready: Called once the server answers.

    Raises:
        ServerStartError: The server or the gateway did not start.
        ServerFaultError: Repairs do not help.
    """
    supervisor = Supervisor(options, supervision_options(settings))
    door = front_door(settings, options.http_socket)
    if door is None:
        interruption.hurry = supervisor.kill
        with supervisor, _announced(settings, supervisor):
            on_ready()
            supervisor.run()
        return
    for each in door.doors:
        own = settings.gateway.enabled and each is door
        require_free_ports(each.host, {"--gateway-port" if own else "--http-port": each.port})
    # Envoy starts first, beside Triton, and ends first, so that requests in flight are answered.
    with _gateway(settings, door, supervisor) as gateway:

        def hurry() -> None:
            gateway.kill()
            supervisor.kill()

        interruption.hurry = hurry
        with supervisor, _announced(settings, supervisor), closing(gateway):
            gateway.wait_ready()
            on_ready()
            supervisor.run()
        gateway.check()


def _gateway(settings: ServeSettings, door: GatewayOptions, supervisor: Supervisor) -> KeptGateway:
    return KeptGateway(
        door,
        max_restarts=settings.max_restarts,
        on_failure=supervisor.stop,
        on_restart=supervisor.health.instruments.gateway_restarts.inc,
        exit_timeout_s=settings.exit_timeout_s,
        drain_delay_s=settings.drain_delay_s,
    )


def _announced(settings: ServeSettings, supervisor: Supervisor) -> AbstractContextManager[None]:
    server = supervisor.server
    temporary = settings.model_repository is None
    return announced(RunningServer.of(server, health_port=settings.health_port, temporary=temporary))


@contextmanager
def _http_socket(settings: ServeSettings) -> Iterator[Path | None]:
    """Yield where Triton's own HTTP listens, out of everybody else's reach; None when that is the port."""
    if not http_is_guarded(settings):
        yield None
        return
    with tempfile.TemporaryDirectory(prefix=f"{new_run_name()}-") as folder, held(Path(folder)):  # of mode 0700
        yield Path(folder, "http")


def _have_face_networks() -> None:
    try:
        locate_assets()
    except ArtifactError:
        _console.print("Fetching the face networks, once …")
        fetch_assets()


@contextmanager
def _repository(settings: ServeSettings) -> Iterator[Path]:
    if settings.model_repository is not None:
        changed = [name for name in _FIXED_BY_ASSEMBLING if getattr(settings, name) != getattr(_DEFAULTS, name)]
        if changed:
            raise InvalidParameterError(
                f"--model-repository is served as it is; leave out {', '.join(changed)}, or give them to "
                "`wrinkle export repository`."
            )
        yield settings.model_repository.resolve()
        return
    networks = chosen_networks(settings.models, settings.onnx, settings.build, precision=settings.precision)
    compiled_networks_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{new_run_name()}-") as folder, held(Path(folder)):
        yield assemble_repository(Path(folder, "repository"), networks, deployment(settings))


def _tell(settings: ServeSettings, options: ServerOptions, seconds: float) -> None:
    names = ", ".join(spec.name for spec in options.segmenters)
    _console.print(f"[bold green]Ready[/bold green] after {seconds:.1f} s, serving {names}.")
    _console.print(f"  HTTP     http://{options.host}:{options.http_port}")
    _console.print(f"  gRPC     {options.host}:{options.grpc_port}")
    _console.print(f"  metrics  http://{options.host}:{options.metrics_port}/metrics")
    health_host = LOOPBACK if settings.open_monitoring else settings.host
    _console.print(f"  health   http://{health_host}:{settings.health_port}/readyz")
    if settings.gateway.enabled:
        scheme = "https" if settings.gateway.certificate else "http"
        _console.print(f"  gateway  {scheme}://{settings.gateway.host}:{settings.gateway.port}, HTTP and gRPC")
    _console.print(f"  log      {options.log_path}")
    url = "" if options.http_port == _DEFAULTS.http_port else f" --url http://{options.host}:{options.http_port}"
    _console.print(f"Try `wrinkle segment PHOTO --out DIR{url}` in another terminal. Ctrl-C stops.")
