"""Traces: one server span per request and one client span per try, which continue the caller's W3C context.

Spans name the route, not the address that was asked for, and not who asked: both may tell of a person.

Whoever began a trace has decided whether it is recorded; only requests without a context are sampled here.

Source: Envoy ``OpenTelemetryConfig``; its connection manager drops what it does not sample itself, whatever the caller
decided, so it is told to take all and the tracer's parent-based sampler decides.
"""

from __future__ import annotations

from typing import Final

from wrinkle_server.gateway.clusters import COLLECTOR_CLUSTER
from wrinkle_server.gateway.envoy_config import Message, typed
from wrinkle_server.gateway.options import GatewayOptions

__all__ = ["tracing"]

_SAMPLERS: Final = "extensions.tracers.opentelemetry.samplers.v3"
_ROUTE: Final = "%ROUTE_NAME%"
_PER_MILLION: Final = 1_000_000


def tracing(options: GatewayOptions) -> Message:
    """Return the connection manager's ``Tracing``."""
    host, port, path = options.collector
    uri = {"uri": f"http://{host}:{port}{path}", "cluster": COLLECTOR_CLUSTER, "timeout": "2s"}
    return {
        "random_sampling": {"value": 100.0},
        "client_sampling": {"value": 0.0},
        "spawn_upstream_span": True,
        "operation": _ROUTE,
        "custom_tags": [{"tag": "http.url", "value": _ROUTE}, {"tag": "peer.address", "literal": {"value": "-"}}],
        "provider": {
            "name": "envoy.tracers.opentelemetry",
            "typed_config": typed(
                "config.trace.v3.OpenTelemetryConfig",
                http_service={"http_uri": uri},
                service_name="wrinkle-gateway",
                sampler=_parent_decides(options.trace_sample_rate),
            ),
        },
    }


def _parent_decides(rate_of_others: float) -> Message:
    share = {"numerator": round(rate_of_others * _PER_MILLION), "denominator": "MILLION"}
    ratio = {
        "name": "envoy.tracers.opentelemetry.samplers.trace_id_ratio_based",
        "typed_config": typed(f"{_SAMPLERS}.TraceIdRatioBasedSamplerConfig", sampling_percentage=share),
    }
    return {
        "name": "envoy.tracers.opentelemetry.samplers.parent_based",
        "typed_config": typed(f"{_SAMPLERS}.ParentBasedSamplerConfig", wrapped_sampler=ratio),
    }
