"""The chain each request passes: who asks, how often, how much, for which model; then it is forwarded.

Authorization sees headers only and comes first, so that a stranger learns nothing, not even which addresses exist.
"""

from __future__ import annotations

from typing import Final

from wrinkle_server.gateway.clusters import AUTHORIZE_CLUSTER
from wrinkle_server.gateway.envoy_config import CLIENT_HEADER, Message, duration, typed
from wrinkle_server.gateway.grpc_models import model_filters
from wrinkle_server.gateway.json_guard import json_guard
from wrinkle_server.gateway.options import GatewayLimits, GatewayOptions
from wrinkle_server.gateway.routes import HTTP_CLUSTER, READY_PATH

__all__ = ["http_filters"]

_AUTHORIZE_TIMEOUT_S: Final = 1.0
_ALWAYS: Final = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}


def http_filters(options: GatewayOptions) -> list[Message]:
    """Return the HTTP filters in order."""
    return [
        _answer_headers(),
        *([_authorization()] if options.token_file is not None else []),
        *([] if options.limits.requests_per_minute is None else [_rate_limit(options.limits)]),
        _readiness(),
        _body_limit(options.limits.max_body_bytes),
        json_guard(),
        *model_filters(),
        {
            "name": "envoy.filters.http.router",
            "typed_config": typed("extensions.filters.http.router.v3.Router", suppress_envoy_headers=True),
        },
    ]


def _answer_headers() -> Message:
    """Remove the headers by which an answer would tell what software it passed."""
    removed = [{"remove": "server"}, {"remove_on_match": {"key_matcher": {"prefix": "x-envoy-"}}}]
    return {
        "name": "envoy.filters.http.header_mutation",
        "typed_config": typed(
            "extensions.filters.http.header_mutation.v3.HeaderMutation", mutations={"response_mutations": removed}
        ),
    }


def _authorization() -> Message:
    """Ask the authorization step; when it cannot answer, nobody gets in."""
    return {
        "name": "envoy.filters.http.ext_authz",
        "typed_config": typed(
            "extensions.filters.http.ext_authz.v3.ExtAuthz",
            failure_mode_allow=False,
            status_on_error={"code": "ServiceUnavailable"},
            transport_api_version="V3",
            http_service={
                "server_uri": {
                    "uri": "http://authorize",
                    "cluster": AUTHORIZE_CLUSTER,
                    "timeout": duration(_AUTHORIZE_TIMEOUT_S),
                },
                "path_prefix": "/authorize",
                "authorization_response": {
                    "allowed_upstream_headers": {"patterns": [{"exact": CLIENT_HEADER}]},
                    "allowed_client_headers": {"patterns": [{"exact": "www-authenticate"}]},
                },
            },
        ),
    }


def _rate_limit(limits: GatewayLimits) -> Message:
    """Give each client a token bucket of its own; they are shared by all of Envoy's threads."""
    bucket = {"max_tokens": limits.burst, "tokens_per_fill": limits.requests_per_minute, "fill_interval": "60s"}
    return {
        "name": "envoy.filters.http.local_ratelimit",
        "typed_config": typed(
            "extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
            stat_prefix="clients",
            token_bucket=bucket,
            always_consume_default_token_bucket=False,
            filter_enabled=_ALWAYS,
            filter_enforced=_ALWAYS,
            rate_limits=[
                {"actions": [{"request_headers": {"header_name": CLIENT_HEADER, "descriptor_key": "client"}}]}
            ],
            descriptors=[{"entries": [{"key": "client"}], "token_bucket": bucket}],
            max_dynamic_descriptors=limits.max_clients,
            rate_limited_as_resource_exhausted=True,
            enable_retry_after_header=True,
        ),
    }


def _readiness() -> Message:
    """Answer server readiness from the health of the servers behind; Triton's own is never asked."""
    return {
        "name": "envoy.filters.http.health_check",
        "typed_config": typed(
            "extensions.filters.http.health_check.v3.HealthCheck",
            pass_through_mode=False,
            headers=[
                {"name": ":path", "string_match": {"exact": READY_PATH}},
                {"name": ":method", "string_match": {"exact": "GET"}},
            ],
            cluster_min_healthy_percentages={HTTP_CLUSTER: {"value": 1.0}},
        ),
    }


def _body_limit(max_body_bytes: int) -> Message:
    return {
        "name": "envoy.filters.http.buffer",
        "typed_config": typed("extensions.filters.http.buffer.v3.Buffer", max_request_bytes=max_body_bytes),
    }
