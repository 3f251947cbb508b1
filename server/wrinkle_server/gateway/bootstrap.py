"""Envoy's whole configuration, made from the options; a pure function, so that containers can take its output.

Source: Envoy 1.40 ``config.bootstrap.v3.Bootstrap``, and its advice for edge proxies (``best_practices/edge``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import yaml

from wrinkle_server.gateway.clusters import clusters
from wrinkle_server.gateway.envoy_config import ADMIN_SOCKET, AUTHORIZE_SOCKET, Message, typed
from wrinkle_server.gateway.listener import listener
from wrinkle_server.gateway.options import GatewayLimits, GatewayOptions

__all__ = ["bootstrap", "to_yaml"]

_MIB: Final = 1024 * 1024


def bootstrap(options: GatewayOptions, sockets: Path) -> Message:
    """Return Envoy's ``Bootstrap``.

    Args:
        options: What the gateway does.
        sockets: Folder of mode 0700 that holds Envoy's administration socket and the authorization step's.
    """
    return {
        "node": {"id": "gateway", "cluster": "wrinkle"},
        "admin": {"address": {"pipe": {"path": str(sockets / ADMIN_SOCKET), "mode": 0o600}}},
        "static_resources": {
            "listeners": [listener(door) for door in options.doors],
            "clusters": clusters(options, sockets / AUTHORIZE_SOCKET),
        },
        "overload_manager": _overload_manager(options.limits),
        "stats_flush_interval": "10s",
    }


def to_yaml(message: Message) -> str:
    """Return a message in the YAML form that ``envoy -c`` reads."""
    text: str = yaml.dump(message, Dumper=_PlainDumper, sort_keys=False, width=120)
    return text


class _PlainDumper(yaml.SafeDumper):
    """Writes a value in full wherever it stands, not as a YAML alias."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _overload_manager(limits: GatewayLimits) -> Message:
    """Bound connections and memory: near the bound new requests are refused, those in flight finish."""
    heap, connections = (
        "envoy.resource_monitors.fixed_heap",
        "envoy.resource_monitors.global_downstream_max_connections",
    )
    return {
        "refresh_interval": "0.25s",
        "resource_monitors": [
            {
                "name": heap,
                "typed_config": typed(
                    "extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
                    max_heap_size_bytes=limits.max_heap_mib * _MIB,
                ),
            },
            {
                "name": connections,
                "typed_config": typed(
                    "extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                    max_active_downstream_connections=limits.max_connections,
                ),
            },
        ],
        "actions": [
            {"name": "envoy.overload_actions.shrink_heap", "triggers": [_above(heap, 0.8)]},
            {"name": "envoy.overload_actions.stop_accepting_requests", "triggers": [_above(heap, 0.9)]},
        ],
    }


def _above(resource: str, share: float) -> Message:
    return {"name": resource, "threshold": {"value": share}}
