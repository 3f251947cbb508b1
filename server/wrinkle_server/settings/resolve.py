"""What the parts of the server take, made from the settings."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Final

import platformdirs
from tritonclient.grpc import model_config_pb2 as pb

from wrinkle_core.contract import model, segmenter
from wrinkle_core.errors import InvalidParameterError
from wrinkle_export.repository.assemble import served_segmenters
from wrinkle_export.repository.deployment import Deployment
from wrinkle_export.repository.triton_config import model_config
from wrinkle_server.gateway.options import Backend, GatewayLimits, GatewayOptions
from wrinkle_server.settings.serve_settings import ServeSettings
from wrinkle_server.supervision.memory import memory_limit_bytes
from wrinkle_server.supervision.options import SupervisionOptions
from wrinkle_server.triton.options import LOOPBACK, ServerOptions, is_loopback
from wrinkle_server.triton.shared_memory import python_configs

__all__ = [
    "compiled_networks_folder",
    "deployment",
    "front_door",
    "http_is_guarded",
    "log_path",
    "require_closed_inference",
    "server_options",
    "step_configs",
    "step_instances",
    "supervision_options",
]

_MAX_DEFAULT_INSTANCES: Final = 4
_DEFAULT_MEMORY_SHARE: Final = 0.8
_REQUEST_OVERHEAD_BYTES: Final = 64 * 1024  # inference header and other tensors beside the photograph
_EVERY_IPV4_ADDRESS: Final = "0.0.0.0"
_APPLICATION: Final = "wrinkle-serving"


def step_instances(settings: ServeSettings) -> int:
    """Return how many processes each pre- and postprocessing step gets."""
    return settings.instances or min(_MAX_DEFAULT_INSTANCES, len(os.sched_getaffinity(0)))


def deployment(settings: ServeSettings) -> Deployment:
    """Return how the repository made for this server runs its models."""
    count = step_instances(settings)
    threads = settings.threads or len(os.sched_getaffinity(0))
    return Deployment(
        "openvino",
        preprocess_instances=count,
        threshold_instances=count,
        threads=settings.threads,
        max_batch_size=settings.max_batch_size or (1 if threads % 2 else 0),
        cache_dir=str(compiled_networks_folder()),
        max_waiting=settings.max_waiting,
        max_queue_size=settings.max_queue_size,
        max_encoded_bytes=settings.max_encoded_mib * 2**20,
        max_pixels=settings.max_pixels_mpx * 1_000_000,
    )


def step_configs(settings: ServeSettings) -> tuple[pb.ModelConfig, ...]:
    """Return the configurations of the Python steps that these settings start.

    Raises:
        ArtifactError: The repository holds no ensemble of ours, or cannot be read.
        ContractError: The settings contradict each other.
        InvalidParameterError: There is no such segmenter.
    """
    if settings.model_repository is not None:
        served_segmenters(settings.model_repository)
        return python_configs(settings.model_repository)
    specs = [segmenter(name.strip()) for name in settings.models.split(",")]
    names = {name for spec in specs for name in (spec.preprocessor, spec.name)} | {"threshold"}
    return tuple(model_config(model(name), deployment(settings)) for name in sorted(names))


def http_is_guarded(settings: ServeSettings) -> bool:
    """Return whether Envoy listens on the HTTP port; beyond loopback a gateway elsewhere is the guard."""
    return settings.http == "guarded" and is_loopback(settings.host)


def front_door(settings: ServeSettings, http_socket: Path | None) -> GatewayOptions | None:
    """Return how Envoy in front of this server is started, None when there is to be none.

    Args:
        settings: What the operator chose.
        http_socket: Where Triton's HTTP listens when it is guarded.

    Raises:
        InvalidParameterError: The settings contradict each other, or would open an unprotected gateway.
    """
    gateway = settings.gateway
    if http_socket is None and not gateway.enabled:
        return None
    limits = GatewayLimits(
        max_body_bytes=settings.max_encoded_mib * 2**20 + _REQUEST_OVERHEAD_BYTES,
        requests_per_minute=gateway.requests_per_minute,
    )
    host = LOOPBACK if settings.host == _EVERY_IPV4_ADDRESS else settings.host
    port = gateway.port if gateway.enabled else settings.http_port
    local = GatewayOptions(
        (Backend(host, settings.http_port, settings.grpc_port, settings.health_port, http_socket=http_socket),),
        host=host,
        port=port,
        limits=limits.on_this_machine(),
        otlp_endpoint=settings.otlp_endpoint or None,
        trace_sample_rate=settings.trace_sample_rate,
        access_log=log_path(settings).with_name(f"gateway-{port}.jsonl"),
        max_log_bytes=settings.max_log_mib * 2**20,
    )
    if not gateway.enabled:
        return local
    return replace(
        local,
        host=gateway.host,
        certificate=gateway.certificate,
        private_key=gateway.private_key,
        client_ca=gateway.client_ca,
        token_file=gateway.token_file,
        limits=limits,
        local_address=None if http_socket is None else (host, settings.http_port),
    )


def server_options(settings: ServeSettings, repository: Path, http_socket: Path | None = None) -> ServerOptions:
    """Return how Triton is started on ``repository``, its HTTP on a socket when one is given.

    Raises:
        ArtifactError: The repository holds no ensemble of ours.
    """
    return ServerOptions(
        repository,
        served_segmenters(repository),
        host=settings.host,
        http_port=settings.http_port,
        http_socket=http_socket,
        grpc_port=settings.grpc_port,
        metrics_port=settings.metrics_port,
        metrics_host=_EVERY_IPV4_ADDRESS if settings.open_monitoring else None,
        shared_memory_api=settings.shared_memory_api,
        log_level=settings.log_level,
        log_path=log_path(settings),
        max_log_bytes=settings.max_log_mib * 2**20,
        exit_timeout_s=settings.exit_timeout_s,
        otlp_endpoint=settings.otlp_endpoint or None,
        trace_sample_rate=settings.trace_sample_rate,
    )


def require_closed_inference(settings: ServeSettings) -> None:
    """Check that nobody but this machine reaches Triton itself, unless the operator said that somebody may.

    Raises:
        InvalidParameterError: The host is not on loopback, and nothing says that this is meant.
        ServerStartError: The host is no IPv4 address.
    """
    if not (settings.open_inference or is_loopback(settings.host)):
        raise InvalidParameterError(
            f"On {settings.host} others could reach Triton itself, which one small HTTP request ends and which asks "
            "nobody who they are. Serve others through --gateway, or, where only a gateway elsewhere can reach "
            f"{settings.host}, say so with --open-inference."
        )


def supervision_options(settings: ServeSettings) -> SupervisionOptions:
    """Return how the server is watched."""
    ceiling = settings.max_memory_mib * 2**20 or round(_DEFAULT_MEMORY_SHARE * memory_limit_bytes())
    return SupervisionOptions(
        health_host=_health_host(settings),
        health_port=settings.health_port,
        step_limit_s=settings.step_limit_s,
        canary_idle_s=settings.canary_idle_s,
        canary_timeout_s=settings.canary_timeout_s,
        max_repairs=settings.max_repairs,
        max_restarts=settings.max_restarts,
        max_memory_bytes=ceiling,
        drain_delay_s=settings.drain_delay_s,
    )


def _health_host(settings: ServeSettings) -> str:
    return _EVERY_IPV4_ADDRESS if settings.open_monitoring else settings.host


def log_path(settings: ServeSettings) -> Path:
    """Return the file of Triton's log."""
    return settings.log_file or platformdirs.user_log_path(_APPLICATION) / f"tritonserver-{settings.http_port}.log"


def compiled_networks_folder() -> Path:
    """Return the folder where OpenVINO keeps what it compiled, so that a second start takes seconds."""
    return platformdirs.user_cache_path(_APPLICATION) / "openvino"
