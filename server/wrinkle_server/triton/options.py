"""How one server is started: what the user chooses, and Triton's command line made from it.

Source: ``tritonserver --help`` of 2.51; design: loopback, explicit model control, restricted administration.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from wrinkle_core.contract import SegmenterContract
from wrinkle_core.errors import ServerStartError
from wrinkle_server.triton.trace_export import trace_arguments

__all__ = ["LOOPBACK", "LogLevel", "ServerOptions", "is_loopback", "triton_arguments"]

LOOPBACK: Final = "127.0.0.1"
ADMIN_HEADER: Final = "admin-key"
_RESTRICTED: Final = ("shared-memory", "model-repository", "trace", "logging")

LogLevel = Literal["error", "warning", "info", "verbose"]
_LOG_FLAGS: Final[dict[LogLevel, tuple[str, ...]]] = {
    "error": ("--log-info=false", "--log-warning=false"),
    "warning": ("--log-info=false",),
    "info": (),
    "verbose": ("--log-verbose=1",),
}


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """What one server serves, and where.

    Attributes:
        repository: Model repository; read only.
        segmenters: Segmenters whose ensembles are loaded.
        host: Address to listen on.
        http_port: HTTP inference; unused when there is a socket.
        http_socket: Unix socket on which HTTP is served instead of a port, so that nobody but this user and who it lets
            in, such as a gateway, reaches Triton's own; its folder must be private.
        grpc_port: gRPC inference.
        metrics_port: Prometheus metrics.
        metrics_host: Address of the metrics when it is not ``host``.
        shared_memory_api: Let every client on this machine register shared memory, not the administrator alone; for
            trusted machines only, for whoever registers regions may reach the memory of others.
        log_level: How much Triton writes.
        log_path: File for Triton's log; None is standard error.
        max_log_bytes: Length at which that file is cut; as much again is kept beside it.
        exit_timeout_s: How long requests in flight may take when the server stops.
        otlp_endpoint: Collector for traces, ``http://host:port`` (OTLP over HTTP); None sends none.
        trace_sample_rate: Share in [0, 1] of the requests without a trace context that are traced.
    """

    repository: Path
    segmenters: tuple[SegmenterContract, ...]
    host: str = LOOPBACK
    http_port: int = 8000
    http_socket: Path | None = None
    grpc_port: int = 8001
    metrics_port: int = 8002
    metrics_host: str | None = None
    shared_memory_api: bool = False
    log_level: LogLevel = "warning"
    log_path: Path | None = None
    max_log_bytes: int = 64 * 2**20
    exit_timeout_s: int = 30
    otlp_endpoint: str | None = None
    trace_sample_rate: float = 0.01

    @property
    def ports(self) -> dict[str, int]:
        """Triton's ports by the command-line option that sets each."""
        http = {} if self.http_socket is not None else {"--http-port": self.http_port}
        return {**http, "--grpc-port": self.grpc_port, "--metrics-port": self.metrics_port}


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach ``host``.

    Raises:
        ServerStartError: ``host`` is no IPv4 address; Triton 2.51 listens on no other.
    """
    try:
        return ipaddress.IPv4Address(host).is_loopback
    except ValueError as error:
        raise ServerStartError(f"{host!r} is no IPv4 address; use {LOOPBACK}, or 0.0.0.0 behind a gateway.") from error


def triton_arguments(
    options: ServerOptions, *, backends: Path, shared_memory_prefix: str, admin_key: str, gpu: bool
) -> list[str]:
    """Return Triton's arguments.

    Args:
        options: What the user chose.
        backends: Complete backend folder.
        shared_memory_prefix: Start of the names of the shared-memory files, so that own ones can be told.
        admin_key: Secret that the restricted APIs ask for.
        gpu: False leaves out what needs a GPU driver.

    Raises:
        ServerStartError: The host is no address, traces cannot be sent as the options say, or shared memory is offered
            beyond this machine.
    """
    if options.shared_memory_api and not is_loopback(options.host):
        raise ServerStartError("Shared memory may be offered on loopback only; choose another host or leave it out.")
    restricted = ",".join(api for api in _RESTRICTED if not (options.shared_memory_api and api == "shared-memory"))
    return [
        f"--model-repository={options.repository}",
        "--model-control-mode=explicit",
        "--disable-auto-complete-config",  # the configs say everything; completing one starts each step twice
        *(f"--load-model={spec.ensemble}" for spec in options.segmenters),
        f"--backend-directory={backends}",
        f"--backend-config=python,shm-region-prefix-name={shared_memory_prefix}",
        f"--http-address={options.host if options.http_socket is None else f'unix:{options.http_socket}'}",
        f"--http-port={options.http_port}",
        f"--http-restricted-api={restricted}:{ADMIN_HEADER}={admin_key}",
        f"--grpc-address={options.host}",
        f"--grpc-port={options.grpc_port}",
        f"--grpc-restricted-protocol={restricted}:{ADMIN_HEADER}={admin_key}",
        "--grpc-infer-allocation-pool-size=0",  # a pooled request keeps the memory of the largest message it held
        f"--metrics-address={options.metrics_host or options.host}",
        f"--metrics-port={options.metrics_port}",
        f"--exit-timeout-secs={options.exit_timeout_s}",
        *trace_arguments(options.otlp_endpoint, options.trace_sample_rate),
        *(() if gpu else ("--allow-gpu-metrics=false", "--pinned-memory-pool-byte-size=0")),
        *_LOG_FLAGS[options.log_level],
    ]
