"""Where the gateway forwards to: the servers over HTTP and gRPC, the authorization step, the trace collector.

A server counts as usable when its *supervisor* says so: Triton itself stays READY with a dead Python step. Envoy's
passive detection counts failed connections only, since a full queue also answers 503 and ejecting an overloaded server
would overload the next one.

HTTP/2 keep-alive pings to Triton are left out on purpose: its gRPC server answers frequent pings with GOAWAY
(``--grpc-http2-max-ping-strikes``); the health check finds a silent server sooner.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from wrinkle_server.gateway.envoy_config import Message, duration, typed
from wrinkle_server.gateway.options import Backend, GatewayOptions
from wrinkle_server.gateway.routes import GRPC_CLUSTER, HTTP_CLUSTER
from wrinkle_server.gateway.unsampled import upstream_filters

__all__ = ["AUTHORIZE_CLUSTER", "COLLECTOR_CLUSTER", "clusters"]

AUTHORIZE_CLUSTER: Final = "authorize"
COLLECTOR_CLUSTER: Final = "collector"
_HEALTH_INTERVAL_S: Final = 0.5
_RECOVERY_INTERVAL_S: Final = 0.1
_HEALTH_TIMEOUT_S: Final = 1.0
_CONNECT_TIMEOUT_S: Final = 1.0
_UPSTREAM_IDLE_S: Final = 30.0
_BUFFER_BYTES: Final = 1024 * 1024
_HTTP_OPTIONS: Final = "extensions.upstreams.http.v3.HttpProtocolOptions"


def clusters(options: GatewayOptions, authorize_socket: Path) -> list[Message]:
    """Return every cluster that ``options`` need."""
    found = [
        _triton(
            options,
            HTTP_CLUSTER,
            [_http_address(backend) for backend in options.backends],
            {"http_protocol_options": {}},
        ),
        _triton(
            options,
            GRPC_CLUSTER,
            [_address(backend.host, backend.grpc_port) for backend in options.backends],
            {
                "http2_protocol_options": {
                    "max_concurrent_streams": 100,
                    "initial_stream_window_size": _BUFFER_BYTES,
                    "initial_connection_window_size": 16 * _BUFFER_BYTES,
                }
            },
        ),
    ]
    if options.token_file is not None:
        found.append(_authorize(authorize_socket))
    if options.otlp_endpoint is not None:
        host, port, _ = options.collector
        found.append(_collector(Backend(host).has_address, host, port))
    return found


def _triton(options: GatewayOptions, name: str, addresses: list[Message], protocol: Message) -> Message:
    given = all(backend.has_address for backend in options.backends)
    return {
        "name": name,
        **_discovery(given),
        "lb_policy": "LEAST_REQUEST",
        # Of three draws, since of two a quarter is the busy one of two servers twice; with more, the second try of a
        # request would hardly ever reach the other server when one fails fast and so is the least busy.
        "least_request_lb_config": {"choice_count": 3},
        "connect_timeout": duration(_CONNECT_TIMEOUT_S),
        "per_connection_buffer_limit_bytes": _BUFFER_BYTES,
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}, "update_merge_window": "0s"},
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [
                {"lb_endpoints": [_endpoint(*each) for each in zip(options.backends, addresses, strict=True)]},
            ],
        },
        "health_checks": _health_checks(options.health_path),
        "outlier_detection": _outlier_detection(),
        "circuit_breakers": {"thresholds": [_bounds(options.limits.max_requests)]},
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
                _HTTP_OPTIONS,
                common_http_protocol_options={"idle_timeout": duration(_UPSTREAM_IDLE_S)},
                explicit_http_config=protocol,
                **({} if options.otlp_endpoint is None else {"http_filters": upstream_filters()}),
            )
        },
    }


def _discovery(addresses: bool) -> Message:
    """Return how hosts are found: given, or each address that DNS has for a name, asked for every five seconds."""
    if addresses:
        return {"type": "STATIC"}
    dns = typed("extensions.clusters.dns.v3.DnsCluster", dns_refresh_rate="5s", dns_lookup_family="V4_PREFERRED")
    return {"cluster_type": {"name": "envoy.cluster.strict_dns", "typed_config": dns}}


def _endpoint(backend: Backend, address: Message) -> Message:
    health: Message = {"port_value": backend.health_port}
    if "pipe" in address:  # has no port to put another in place of
        health = {"address": _address(backend.host, backend.health_port)}
    return {"endpoint": {"address": address, "health_check_config": health}}


def _http_address(backend: Backend) -> Message:
    if backend.http_socket is not None:
        return {"pipe": {"path": str(backend.http_socket)}}
    return _address(backend.host, backend.http_port)


def _address(host: str, port: int) -> Message:
    return {"socket_address": {"address": host, "port_value": port}}


def _health_checks(path: str) -> list[Message]:
    """Ask often: an answer other than 200 takes the server out at once, no answer on the second try."""
    interval = duration(_HEALTH_INTERVAL_S)
    return [
        {
            "timeout": duration(_HEALTH_TIMEOUT_S),
            "interval": interval,
            "no_traffic_interval": interval,
            "no_traffic_healthy_interval": interval,
            "unhealthy_interval": duration(_RECOVERY_INTERVAL_S),
            "unhealthy_edge_interval": interval,
            "healthy_edge_interval": interval,
            "unhealthy_threshold": 2,
            "healthy_threshold": 1,
            "http_health_check": {"path": path, "codec_client_type": "HTTP1"},
        }
    ]


def _outlier_detection() -> Message:
    return {
        "split_external_local_origin_errors": True,
        "consecutive_local_origin_failure": 3,
        "enforcing_consecutive_local_origin_failure": 100,
        "enforcing_consecutive_5xx": 0,
        "enforcing_consecutive_gateway_failure": 0,
        "enforcing_success_rate": 0,
        "enforcing_local_origin_success_rate": 0,
        "interval": "1s",
        "base_ejection_time": "5s",
        "max_ejection_time": "30s",
        "max_ejection_percent": 50,
    }


def _bounds(max_requests: int) -> Message:
    """Bound connections, requests and retries; a retry never doubles more than half of what is in flight."""
    return {
        "priority": "DEFAULT",
        "max_connections": max_requests,
        "max_pending_requests": max_requests,
        "max_requests": max_requests,
        "retry_budget": {"budget_percent": {"value": 50.0}, "min_retry_concurrency": 16},
        "track_remaining": True,
    }


def _authorize(socket: Path) -> Message:
    address = {"pipe": {"path": str(socket)}}
    return {
        "name": AUTHORIZE_CLUSTER,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": AUTHORIZE_CLUSTER,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
        "circuit_breakers": {"thresholds": [_bounds(256)]},
    }


def _collector(has_address: bool, host: str, port: int) -> Message:
    return {
        "name": COLLECTOR_CLUSTER,
        **_discovery(has_address),
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": COLLECTOR_CLUSTER,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(host, port)}}]}],
        },
        "circuit_breakers": {"thresholds": [_bounds(64)]},
    }
