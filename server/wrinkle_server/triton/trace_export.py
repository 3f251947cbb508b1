"""Triton's own OpenTelemetry traces: the command-line arguments that send them to a collector.

Each traced request gives a span ``InferRequest``; below it one for the ensemble, below that one per composing model,
and below each ``compute``; queue and compute times are events. Level TIMESTAMPS only: TENSORS would trace photographs.

Facts of 2.51: a request that carries ``traceparent`` is traced whatever the rate, and even when its sampled flag says
no; rate 0 means these requests alone. Spans beyond the queue are dropped, so that a slow collector costs no memory; one
that hangs delays the server's end by up to two exports.

Source: Triton ``docs/user_guide/trace.md``; server pull request 6785, issue 8474.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from wrinkle_core.errors import ServerStartError

__all__ = ["EXPORT_ENVIRONMENT", "trace_arguments"]

_SERVICE: Final = "wrinkle-serving"
_MAX_WAITING_SPANS: Final = 2048
_MAX_SPANS_PER_EXPORT: Final = 512
_EXPORT_EVERY_MS: Final = 1000
EXPORT_ENVIRONMENT: Final = {"OTEL_EXPORTER_OTLP_TIMEOUT": "2s"}  # 10 s unless told, for each export


def trace_arguments(otlp_endpoint: str | None, sample_rate: float) -> list[str]:
    """Return Triton's arguments for traces; none without an endpoint.

    Args:
        otlp_endpoint: Collector that takes OTLP over HTTP, ``http://host:4318``; ``/v1/traces`` is added.
        sample_rate: Share in [0, 1] of the requests without a trace context that are traced; those with one all are.

    Raises:
        ServerStartError: The endpoint is no such URL or holds credentials, or the rate is out of range.
    """
    if otlp_endpoint is None:
        return []
    if not 0 <= sample_rate <= 1:
        raise ServerStartError(f"The trace sample rate is {sample_rate}, expected a share from 0 to 1.")
    settings = {
        "mode": "opentelemetry",
        "level": "TIMESTAMPS",
        "rate": str(round(1 / sample_rate) if sample_rate else 0),
        "opentelemetry,url": f"{_checked(otlp_endpoint)}/v1/traces",
        "opentelemetry,resource": f"service.name={_SERVICE}",
        "opentelemetry,bsp_max_queue_size": str(_MAX_WAITING_SPANS),
        "opentelemetry,bsp_max_export_batch_size": str(_MAX_SPANS_PER_EXPORT),
        "opentelemetry,bsp_schedule_delay": str(_EXPORT_EVERY_MS),
    }
    return [f"--trace-config={name}={value}" for name, value in settings.items()]


def _checked(endpoint: str) -> str:
    example = "write http://HOST:4318"
    try:
        parts = urlsplit(endpoint)
        port_is_valid = parts.port != 0
    except ValueError:
        raise ServerStartError(f"The trace collector's URL has a bad host or port; {example}.") from None
    if parts.username is not None or parts.password is not None:
        raise ServerStartError("The trace collector's URL holds credentials; set OTEL_EXPORTER_OTLP_HEADERS instead.")
    plain = endpoint.isascii() and endpoint.isprintable() and not set(endpoint) & set(" ,")
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_valid or not plain:
        raise ServerStartError(f"The trace collector's URL is no http:// or https:// address; {example}.")
    if parts.query or parts.fragment:
        raise ServerStartError(f"The trace collector's URL has a query or fragment; {example}.")
    return endpoint.rstrip("/")
