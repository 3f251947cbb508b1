"""Keeping from Triton's HTTP front end the JSON that kills it.

On Triton 2.51 one short HTTP request ends the whole server before any model sees it: a tensor given as JSON numbers
(``"data"``) whose shape promises 2**62 of them is allocated at once, and JSON nested a hundred thousand deep overflows
the stack. Photographs come as binary tensors, so the gateway lets only the binary forms through: the description must
be announced, short, and without the member ``data``; a backslash could spell that name in another way. Bodies sent in a
hundred thousand chunks, the third way, end in the gateway's buffer; gzip, the fourth, is refused by a route.

gRPC needs no guard: protobuf bounds nesting, and Triton compares shapes with bytes first.

Source: seen on Triton 2.51; CVE-2025-23310 and CVE-2025-23311 describe the family.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from wrinkle_server.gateway.envoy_config import Message, typed

__all__ = ["JSON_GUARD", "json_guard"]

JSON_GUARD: Final = "envoy.filters.http.lua"
_SCRIPT: Final = Path(__file__).resolve().parent / "json_guard.lua"


def json_guard() -> Message:
    """Return the HTTP filter; it wants the whole body, so it comes after the limit on bodies."""
    source = {"inline_string": _SCRIPT.read_text(encoding="utf-8")}
    return {
        "name": JSON_GUARD,
        "typed_config": typed("extensions.filters.http.lua.v3.Lua", default_source_code=source),
    }
