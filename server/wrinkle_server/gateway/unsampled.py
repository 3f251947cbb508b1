"""Keeping trace contexts that nobody records from Triton.

Envoy gives every request it forwards a ``traceparent``, with the flag 00 when it is not recorded. Triton 2.51 traces
whatever carries the header, so it would trace all requests, whatever the rate.

Source: triton-inference-server/server issue 8474.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from wrinkle_server.gateway.envoy_config import Message, typed

__all__ = ["upstream_filters"]

_SCRIPT: Final = Path(__file__).resolve().parent / "unsampled.lua"


def upstream_filters() -> list[Message]:
    """Return the HTTP filters of a cluster, after which the request leaves."""
    source = {"inline_string": _SCRIPT.read_text(encoding="utf-8")}
    codec = "extensions.filters.http.upstream_codec.v3.UpstreamCodec"
    return [
        {
            "name": "wrinkle.drop_unsampled",
            "typed_config": typed("extensions.filters.http.lua.v3.Lua", default_source_code=source),
        },
        {"name": "envoy.filters.http.upstream_codec", "typed_config": typed(codec)},
    ]
