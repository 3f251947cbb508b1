"""``wrinkle gateway``: run Envoy in front of servers, print its configuration, draw tokens, check tokens."""

from __future__ import annotations

import functools
import inspect
import threading
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from wrinkle_server.commands.interruption import Interruption
from wrinkle_server.gateway.authorize import serve_forever
from wrinkle_server.gateway.bootstrap import bootstrap, to_yaml
from wrinkle_server.gateway.envoy_config import AUTHORIZE_SOCKET
from wrinkle_server.gateway.keeper import keep_running
from wrinkle_server.gateway.options import (
    DEFAULT_PORT,
    DEFAULT_REQUESTS_PER_MINUTE,
    Backend,
    GatewayLimits,
    GatewayOptions,
)
from wrinkle_server.gateway.process import Gateway
from wrinkle_server.gateway.tokens import append_line, new_token

__all__ = ["app"]

app = typer.Typer(
    name="gateway",
    help="Envoy in front of servers: TLS, tokens, limits, balancing, for everything that is not on loopback.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

_LIMITS: Final = GatewayLimits()
_MAX_RESTARTS: Final = 5
_console: Final = Console(soft_wrap=True)


def _gateway_options(
    backend: Annotated[
        list[str],
        typer.Option(
            metavar="HOST[:HTTP:GRPC:HEALTH]",
            help="A server, with its three ports (8000, 8001, 8003); may be repeated.",
        ),
    ],
    host: Annotated[str, typer.Option(help="IP address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="HTTP/1.1, HTTP/2 and gRPC.")] = DEFAULT_PORT,
    certificate: Annotated[Path | None, typer.Option(help="PEM chain; needed unless on loopback.")] = None,
    private_key: Annotated[Path | None, typer.Option(help="PEM key of the certificate.")] = None,
    client_ca: Annotated[Path | None, typer.Option(help="PEM bundle: clients must show a certificate of it.")] = None,
    token_file: Annotated[Path | None, typer.Option(help="name:sha256 per line: clients must send a token.")] = None,
    max_body_bytes: Annotated[int, typer.Option(help="Size of one request.")] = _LIMITS.max_body_bytes,
    requests_per_minute: Annotated[int, typer.Option(help="Steady rate per client.")] = DEFAULT_REQUESTS_PER_MINUTE,
    burst: Annotated[int, typer.Option(help="Requests per client at once.")] = _LIMITS.burst,
    request_timeout_s: Annotated[
        float, typer.Option(help="Longest wait for an answer, in seconds.")
    ] = _LIMITS.request_timeout_s,
    access_log: Annotated[Path | None, typer.Option(help="Access log; by default standard output.")] = None,
    max_log_mib: Annotated[
        int, typer.Option(min=1, max=65_536, help="Length at which a log is cut; as much again is kept as FILE.1.")
    ] = 64,
    otlp_endpoint: Annotated[str | None, typer.Option(help="Trace collector, http://HOST:PORT.")] = None,
    trace_sample_rate: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of requests traced.")] = 0.01,
    workers: Annotated[int, typer.Option(min=0, max=256, help="Threads; 0 is one per core, up to 4.")] = 0,
) -> GatewayOptions:
    limits = GatewayLimits(
        max_body_bytes=max_body_bytes,
        requests_per_minute=requests_per_minute,
        burst=burst,
        request_timeout_s=request_timeout_s,
    )
    return GatewayOptions(
        tuple(Backend.parse(text) for text in backend),
        host=host,
        port=port,
        certificate=_absolute(certificate),
        private_key=_absolute(private_key),
        client_ca=_absolute(client_ca),
        token_file=_absolute(token_file),
        limits=limits,
        access_log=_absolute(access_log),
        max_log_bytes=max_log_mib * 2**20,
        otlp_endpoint=otlp_endpoint,
        trace_sample_rate=trace_sample_rate,
        workers=workers,
    )


def _with_gateway_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command`` every parameter of ``_gateway_options`` in place of its first, the options made of them."""
    shared = inspect.signature(_gateway_options).parameters
    _, *own = inspect.signature(command).parameters.values()

    @functools.wraps(command)
    def wrapped(**given: Any) -> None:
        options = _gateway_options(**{name: given.pop(name) for name in shared})
        command(options, **given)

    hints = {**typing.get_type_hints(_gateway_options, include_extras=True), "return": None}
    hints |= typing.get_type_hints(command, include_extras=True)
    ordered = [*shared.values(), *own]
    keyword_only = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[each.name]) for each in ordered]
    wrapped.__annotations__ = {each.name: each.annotation for each in keyword_only}
    wrapped.__signature__ = inspect.Signature(keyword_only)  # type: ignore[attr-defined]
    del wrapped.__wrapped__
    return wrapped


@app.command()
@_with_gateway_options
def run(
    options: GatewayOptions,
    log_file: Annotated[Path | None, typer.Option(help="Envoy's own log; by default standard error.")] = None,
    drain_timeout_s: Annotated[
        float, typer.Option(min=0.0, max=3600.0, help="How long requests in flight may take when it stops.")
    ] = 30.0,
) -> None:
    """Run the gateway until Ctrl-C or SIGTERM; a second one ends it at once."""
    gateway = Gateway(options, log_path=_absolute(log_file))
    with Interruption() as interruption:
        interruption.hurry = gateway.kill
        try:
            gateway.start()
            _tell(options)
            keep_running(gateway, threading.Event(), max_restarts=_MAX_RESTARTS)
        except KeyboardInterrupt:
            gateway.stop(drain_timeout_s)
            _console.print("Stopped.")
        finally:
            gateway.stop(timeout_s=0.0)


@app.command()
@_with_gateway_options
def config(
    options: GatewayOptions,
    sockets: Annotated[
        Path, typer.Option(help="Folder, mode 0700, for Envoy's administration socket and the authorization socket.")
    ] = Path("/run/wrinkle-gateway"),
) -> None:
    """Print Envoy's configuration, for an Envoy that something else runs; see also `authorize`."""
    typer.echo(to_yaml(bootstrap(options, sockets)), nl=False)


@app.command()
def authorize(
    token_file: Annotated[Path, typer.Option(help="name:sha256 per line.")],
    sockets: Annotated[Path, typer.Option(help="Folder that `wrinkle gateway config` was given.")] = Path(
        "/run/wrinkle-gateway"
    ),
) -> None:
    """Run the authorization step alone, beside an Envoy that runs the printed configuration."""
    try:
        serve_forever(token_file, sockets / AUTHORIZE_SOCKET)
    except KeyboardInterrupt:
        _console.print("Stopped.")


@app.command(name="new-token")
def draw_token(
    name: Annotated[str, typer.Argument(help="Who will use it, for example clinic-a.")],
    token_file: Annotated[
        Path | None, typer.Option(help="Append the line to this file, so that the token is valid at once.")
    ] = None,
) -> None:
    """Draw a token: standard output shows it this once, and the file keeps its hash only."""
    drawn = new_token(name)
    if token_file is None:
        typer.echo(f"Add this line to the token file: {drawn.line}", err=True)
    else:
        append_line(token_file, drawn.line)
    typer.echo(drawn.token)


def _absolute(path: Path | None) -> Path | None:
    return None if path is None else path.absolute()


def _tell(options: GatewayOptions) -> None:
    secure = "s" if options.certificate is not None else ""
    address = f"[{options.host}]" if ":" in options.host else options.host
    _console.print(f"[bold green]Listening[/bold green], {len(options.backends)} backend(s) behind.")
    _console.print(f"  HTTP     http{secure}://{address}:{options.port}")
    _console.print(f"  gRPC     grpc{secure}://{address}:{options.port}")
    _console.print("Ctrl-C stops.")
