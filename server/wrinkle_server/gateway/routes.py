"""What the gateway lets through: an allow-list of the requests that segmenting needs, and nothing beside it.

Model, version, method and path are matched whole, query string included, after Envoy has normalised the path. Only the
ensembles and the networks (for clients that preprocess themselves) are named; the other steps are not reachable.

Source: KServe v2 ``required_api.md``; Triton ``grpc_service.proto``.
"""

from __future__ import annotations

import json
import re
from typing import Final

from wrinkle_core.contract import CONTRACT_VERSION, MODELS
from wrinkle_server.gateway.envoy_config import Message, duration, typed
from wrinkle_server.gateway.json_guard import JSON_GUARD
from wrinkle_server.gateway.options import GatewayOptions

__all__ = ["GRPC_CLUSTER", "GRPC_MODEL_METHODS", "HTTP_CLUSTER", "OFFERED_MODELS", "READY_PATH", "route_configuration"]

HTTP_CLUSTER: Final = "triton_http"
GRPC_CLUSTER: Final = "triton_grpc"
READY_PATH: Final = "/v2/health/ready"
OFFERED_MODELS: Final = tuple(contract.name for contract in MODELS if contract.kind in ("ensemble", "segment"))
GRPC_MODEL_METHODS: Final = tuple(
    f"/inference.GRPCInferenceService/{name}" for name in ("ModelInfer", "ModelReady", "ModelMetadata")
)
_GRPC_SERVER_METHODS: Final = (
    "/inference.GRPCInferenceService/ServerLive",
    "/inference.GRPCInferenceService/ServerReady",
)

_VERSION: Final = "(/versions/[1-9][0-9]{0,8})?"
_LOOK_UP_TIMEOUT_S: Final = 5.0
_BODY_FILTERS: Final = (
    "envoy.filters.http.buffer",
    JSON_GUARD,
    "envoy.filters.http.grpc_field_extraction",
    "envoy.filters.http.rbac",
)


def route_configuration(options: GatewayOptions) -> Message:
    """Return Envoy's ``RouteConfiguration``."""
    infer_s = options.limits.request_timeout_s
    look_up_s = min(_LOOK_UP_TIMEOUT_S, infer_s)
    routes = [
        *_refusals(options.limits.max_body_bytes),
        _to_grpc(GRPC_MODEL_METHODS[0], infer_s, options),
        *(_to_grpc(path, look_up_s, options) for path in (*GRPC_MODEL_METHODS[1:], *_GRPC_SERVER_METHODS)),
        *(_to_http("POST", model, "/infer", infer_s, options) for model in OFFERED_MODELS),
        *(_to_http("GET", model, action, look_up_s, options) for model in OFFERED_MODELS for action in ("/ready", "")),
        _answer("GET /v2", 200, _http_match("GET", "/v2"), body=_server_metadata()),
        _answer("GET /v2/health/live", 200, _http_match("GET", "/v2/health/live")),
        _answer("GET /v2/health/ready", 200, _http_match("GET", READY_PATH)),  # answered by a filter before it
        _answer("refused: not offered", 404, {"prefix": "/"}),
        _answer("refused: not offered", 404, {"connect_matcher": {}}),  # a tunnel has no path that "/" could match
    ]
    return {
        "name": "wrinkle",
        "virtual_hosts": [
            {
                "name": "gateway",
                "domains": ["*"],
                "routes": routes,
                "request_headers_to_remove": [
                    "authorization",
                    "cookie",
                    "x-forwarded-for",
                    "x-envoy-external-address",
                ],
            }
        ],
        "validate_clusters": True,
    }


def _refusals(max_body_bytes: int) -> list[Message]:
    """Return the routes that answer before any of the body is read."""
    length = {"name": "content-length"}
    return [
        _answer("refused: compressed", 415, _any_path({"name": "content-encoding", "present_match": True})),
        _answer(
            "refused: compressed",
            415,
            _any_path(
                {"name": "grpc-encoding", "present_match": True},
                {"name": "grpc-encoding", "string_match": {"exact": "identity"}, "invert_match": True},
            ),
        ),
        _answer(
            "refused: too large",
            413,
            _any_path(
                {**length, "present_match": True},
                {**length, "range_match": {"start": 0, "end": max_body_bytes + 1}, "invert_match": True},
            ),
        ),
    ]


def _to_http(method: str, model: str, action: str, timeout_s: float, options: GatewayOptions) -> Message:
    retry_on = "connect-failure,refused-stream,reset,retriable-status-codes"
    retry = {**_retry_policy(retry_on), "retriable_status_codes": [503]}
    match = _http_match(method, f"/v2/models/{re.escape(model)}{_VERSION}{action}")
    return _forward(f"{method} /v2/models/{model}{action}", match, HTTP_CLUSTER, timeout_s, retry, options)


def _to_grpc(path: str, timeout_s: float, options: GatewayOptions) -> Message:
    match = {"path": path, "grpc": {}, "headers": [{"name": ":method", "string_match": {"exact": "POST"}}]}
    retry = _retry_policy("connect-failure,refused-stream,reset,unavailable")
    return _forward(f"gRPC {path}", match, GRPC_CLUSTER, timeout_s, retry, options)


def _forward(
    name: str, match: Message, cluster: str, timeout_s: float, retry: Message, options: GatewayOptions
) -> Message:
    action: Message = {"cluster": cluster, "timeout": duration(timeout_s)}
    several = len(options.backends) > 1 or not options.backends[0].has_address
    return {"name": name, "match": match, "route": {**action, "retry_policy": retry} if several else action}


def _retry_policy(retry_on: str) -> Message:
    """Return one more try at another server: segmenting twice does no harm, and no error of the request is retried."""
    return {
        "retry_on": retry_on,
        "num_retries": 1,
        "retry_host_predicate": [
            {
                "name": "envoy.retry_host_predicates.previous_hosts",
                "typed_config": typed("extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"),
            }
        ],
        "host_selection_retry_max_attempts": 100,  # a server that fails fast is the less busy one of most draws
        "retry_back_off": {"base_interval": "0.010s", "max_interval": "0.050s"},
    }


def _answer(name: str, status: int, match: Message, *, body: str = "") -> Message:
    """Return a route that Envoy answers itself, without waiting for a body."""
    disabled = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}
    reply: Message = {"status": status}
    if body:
        reply["body"] = {"inline_string": body}
    route: Message = {
        "name": name,
        "match": match,
        "direct_response": reply,
        "typed_per_filter_config": {each: disabled for each in _BODY_FILTERS},
    }
    if body:
        route["response_headers_to_add"] = [
            {
                "header": {"key": "content-type", "value": "application/json"},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        ]
    return route


def _http_match(method: str, path: str) -> Message:
    return _any_path(
        {"name": ":method", "string_match": {"exact": method}},
        {"name": ":path", "string_match": {"safe_regex": {"regex": path}}},
    )


def _any_path(*headers: Message) -> Message:
    return {"prefix": "/", "headers": list(headers)}


def _server_metadata() -> str:
    """Return KServe's server metadata without naming the software behind the gateway."""
    return json.dumps(
        {
            "name": "wrinkle-serving",
            "version": str(CONTRACT_VERSION),
            "extensions": ["binary_tensor_data", "parameters"],
        }
    )
