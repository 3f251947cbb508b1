"""Words of Envoy's v3 API that every part of the bootstrap uses.

Source: Envoy 1.40, https://www.envoyproxy.io/docs/envoy/latest/api-v3/api.
"""

from __future__ import annotations

from typing import Any, Final

__all__ = ["ADMIN_SOCKET", "AUTHORIZE_SOCKET", "CLIENT_HEADER", "Message", "duration", "typed"]

Message = dict[str, Any]
"""One protobuf message of Envoy's API in its JSON form."""

CLIENT_HEADER: Final = "x-wrinkle-client"
"""Request header that carries the client's name behind the authorization step; a client's own is removed."""

ADMIN_SOCKET: Final = "admin.sock"
AUTHORIZE_SOCKET: Final = "authorize.sock"


def typed(type_name: str, **values: Any) -> Message:
    """Return a ``google.protobuf.Any`` of Envoy's message ``type_name``, given without its common prefix."""
    return {"@type": f"type.googleapis.com/envoy.{type_name}", **values}


def duration(seconds: float) -> str:
    """Return a ``google.protobuf.Duration``."""
    return f"{seconds:.3f}s"
