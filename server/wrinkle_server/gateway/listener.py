"""The one port: TLS, HTTP/1.1 and HTTP/2, and what is refused or removed before any filter sees a request."""

from __future__ import annotations

from typing import Final

from wrinkle_server.gateway.envoy_config import CLIENT_HEADER, Message, duration, typed
from wrinkle_server.gateway.filters import http_filters
from wrinkle_server.gateway.options import GatewayOptions
from wrinkle_server.gateway.replies import local_replies
from wrinkle_server.gateway.routes import route_configuration
from wrinkle_server.gateway.tracing import tracing

__all__ = ["STAT_PREFIX", "listener"]

STAT_PREFIX: Final = "gateway"
_CONNECTION_BUFFER_BYTES: Final = 64 * 1024
_WINDOW_BYTES: Final = 256 * 1024
_HEADERS_TIMEOUT_S: Final = 10.0
_CONNECTION_IDLE_S: Final = 300.0
_IDLE_MARGIN_S: Final = 5.0
_MAX_HEADERS_KIB: Final = 32
_MAX_HEADERS: Final = 64

# Keys to Triton's restricted APIs, names only the gateway may set, headers by which a proxy could be steered, and what
# would put the caller's person into a trace.
_REMOVED: Final = (
    "admin-key",
    "accept-encoding",
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
    "forwarded",
    "user-agent",
    "referer",
)
_REMOVED_PREFIXES: Final = ("triton-grpc-protocol-", "x-wrinkle-", "x-envoy-", "x-forwarded-")

_ACCESS_LOG: Final = {
    "time": "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%",
    "request_id": "%REQ(X-REQUEST-ID):128%",
    "trace_id": "%TRACE_ID%",
    "client": f"%REQ({CLIENT_HEADER}):128%",
    "method": "%REQ(:METHOD):16%",
    "route": "%ROUTE_NAME%",
    "protocol": "%PROTOCOL%",
    "status": "%RESPONSE_CODE%",
    "grpc_status": "%GRPC_STATUS(SNAKE_STRING)%",
    "flags": "%RESPONSE_FLAGS%",
    "request_bytes": "%BYTES_RECEIVED%",
    "response_bytes": "%BYTES_SENT%",
    "duration_ms": "%DURATION%",
    "upstream_ms": "%RESPONSE_DURATION%",
    "upstream": "%UPSTREAM_HOST%",
    "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
}


def listener(options: GatewayOptions) -> Message:
    """Return Envoy's ``Listener``."""
    chain: Message = {
        "filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": _connection_manager(options)}
        ]
    }
    if options.certificate is not None:
        chain["transport_socket"] = {"name": "envoy.transport_sockets.tls", "typed_config": _tls(options)}
        chain["transport_socket_connect_timeout"] = duration(_HEADERS_TIMEOUT_S)
    return {
        "name": f"{options.host}:{options.port}",
        "address": {"socket_address": {"address": options.host, "port_value": options.port}},
        "per_connection_buffer_limit_bytes": _CONNECTION_BUFFER_BYTES,
        "filter_chains": [chain],
    }


def _tls(options: GatewayOptions) -> Message:
    common: Message = {
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
        "tls_certificates": [
            {
                "certificate_chain": {"filename": str(options.certificate)},
                "private_key": {"filename": str(options.private_key)},
            }
        ],
    }
    if options.client_ca is not None:
        common["validation_context"] = {"trusted_ca": {"filename": str(options.client_ca)}}
    return typed(
        "extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        common_tls_context=common,
        require_client_certificate=options.client_ca is not None,
    )


def _connection_manager(options: GatewayOptions) -> Message:
    limits = options.limits
    return typed(
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=STAT_PREFIX,
        codec_type="AUTO",
        route_config=route_configuration(options),
        http_filters=http_filters(options),
        local_reply_config=local_replies(),
        access_log=[_access_log(options)],
        early_header_mutation_extensions=[_header_mutations(options)],
        use_remote_address=True,
        normalize_path=True,
        merge_slashes=True,
        path_with_escaped_slashes_action="REJECT_REQUEST",
        server_header_transformation="PASS_THROUGH",
        via="",
        generate_request_id=True,
        preserve_external_request_id=True,
        always_set_request_id_in_response=True,
        request_id_extension={
            "typed_config": typed("extensions.request_id.uuid.v3.UuidRequestIdConfig", pack_trace_reason=False)
        },
        max_request_headers_kb=_MAX_HEADERS_KIB,
        request_headers_timeout=duration(_HEADERS_TIMEOUT_S),
        request_timeout=duration(limits.upload_timeout_s),
        stream_idle_timeout=duration(max(limits.request_timeout_s, limits.upload_timeout_s) + _IDLE_MARGIN_S),
        common_http_protocol_options={
            "idle_timeout": duration(_CONNECTION_IDLE_S),
            "max_stream_duration": duration(limits.upload_timeout_s + limits.request_timeout_s + _IDLE_MARGIN_S),
            "max_headers_count": _MAX_HEADERS,
            "headers_with_underscores_action": "REJECT_REQUEST",
        },
        http2_protocol_options={
            "max_concurrent_streams": limits.max_streams,
            "initial_stream_window_size": _WINDOW_BYTES,
            "initial_connection_window_size": 4 * _WINDOW_BYTES,
            "override_stream_error_on_invalid_http_message": True,
        },
        **({} if options.otlp_endpoint is None else {"tracing": tracing(options)}),
    )


def _header_mutations(options: GatewayOptions) -> Message:
    """Remove what only the gateway may say; without tokens, name the client by its certificate."""
    mutations: list[Message] = [{"remove": name} for name in _REMOVED]
    mutations += [{"remove_on_match": {"key_matcher": {"prefix": prefix}}} for prefix in _REMOVED_PREFIXES]
    if options.token_file is None:
        name = "local" if options.client_ca is None else "%DOWNSTREAM_PEER_FINGERPRINT_256%"
        header = {"header": {"key": CLIENT_HEADER, "value": name}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        mutations.append({"append": header})
    return {
        "name": "envoy.http.early_header_mutation.header_mutation",
        "typed_config": typed(
            "extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation", mutations=mutations
        ),
    }


def _access_log(options: GatewayOptions) -> Message:
    log_format = {"json_format": _ACCESS_LOG, "omit_empty_values": True}
    if options.access_log is None:
        name, kind, where = "envoy.access_loggers.stdout", "stream.v3.StdoutAccessLog", {}
    else:
        name, kind, where = "envoy.access_loggers.file", "file.v3.FileAccessLog", {"path": str(options.access_log)}
    return {"name": name, "typed_config": typed(f"extensions.access_loggers.{kind}", log_format=log_format, **where)}
