"""What the gateway itself answers: the error tree's wire form, as JSON over HTTP and as a status over gRPC.

Envoy's own texts name its internals; none of them reaches a caller. Answers that come from Triton pass unchanged.

Source: Envoy ``LocalReplyConfig``: the first mapper whose filter matches rewrites body and headers; a ``grpc-status``
set there wins over the one Envoy derives from the HTTP status.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from wrinkle_core.errors import (
    ContractError,
    DeadlineExceededError,
    ImageTooLargeError,
    ModelNotFoundError,
    ModelNotReadyError,
    OverloadedError,
    ServerFaultError,
    UnauthorizedError,
    WrinkleError,
    to_wire,
)
from wrinkle_server.gateway.envoy_config import Message

__all__ = ["error_body", "local_replies"]


@dataclass(frozen=True, slots=True)
class _Reply:
    """One row: what an HTTP status of Envoy means to a caller.

    Attributes:
        status: HTTP status of the row; ``None`` is any from ``first`` on.
        grpc_status: Number of the gRPC status.
        error: What the caller is told.
        flags: Envoy's response flags that the row is restricted to; empty is any.
    """

    first: int
    last: int
    grpc_status: int
    error: WrinkleError
    flags: tuple[str, ...] = ()


_NO_BACKEND: Final = ("UH", "UF", "UC", "UR", "NC", "LH")
_REPLIES: Final = (
    _Reply(401, 401, 16, UnauthorizedError("The gateway needs a valid bearer token: `Authorization: Bearer wrk_...`.")),
    _Reply(403, 403, 5, ModelNotFoundError("The gateway serves no such model.")),
    _Reply(404, 404, 12, ModelNotFoundError("The gateway serves no such address, method or model.")),
    _Reply(408, 408, 4, DeadlineExceededError("The request did not arrive, or was not answered, in time.")),
    _Reply(413, 413, 8, ImageTooLargeError("The request is over the gateway's limit; save the photograph smaller.")),
    _Reply(
        415, 415, 12, ContractError("The gateway accepts no compressed request bodies; send the photograph as it is.")
    ),
    _Reply(429, 429, 8, OverloadedError("Too many requests from this client; slow down and try again.")),
    _Reply(400, 499, 3, ContractError("The gateway refuses the form of this request.")),
    _Reply(503, 503, 14, ModelNotReadyError("No server behind the gateway could answer; try again."), _NO_BACKEND),
    _Reply(502, 503, 14, OverloadedError("The gateway or the servers behind it are at their limit; try again.")),
    _Reply(504, 504, 4, DeadlineExceededError("The server did not answer in time.")),
    _Reply(500, 599, 13, ServerFaultError("The gateway failed; its log says why.")),
)


def error_body(error: WrinkleError) -> str:
    """Return ``error`` as the JSON body that Triton's own HTTP front end would write."""
    return json.dumps({"error": to_wire(error)})


def local_replies() -> Message:
    """Return Envoy's ``LocalReplyConfig``."""
    return {"mappers": [mapper for reply in _REPLIES for mapper in _mappers(reply)]}


def _mappers(reply: _Reply) -> Iterator[Message]:
    """Yield the row for gRPC requests, then for all others."""
    text = to_wire(reply.error)
    status = [{"header": {"key": "grpc-status", "value": str(reply.grpc_status)}, "append_action": _OVERWRITE}]
    yield {
        "filter": _all_of([*_filters(reply), _IS_GRPC]),
        "headers_to_add": status,
        "body_format_override": {"text_format_source": {"inline_string": text}},
    }
    yield {
        "filter": _all_of(_filters(reply)),
        "body_format_override": {
            "text_format_source": {"inline_string": error_body(reply.error)},
            "content_type": "application/json",
        },
    }


_OVERWRITE: Final = "OVERWRITE_IF_EXISTS_OR_ADD"
_IS_GRPC: Final = {
    "header_filter": {"header": {"name": "content-type", "string_match": {"prefix": "application/grpc"}}}
}


def _filters(reply: _Reply) -> list[Message]:
    filters = [_status_filter("GE", reply.first), _status_filter("LE", reply.last)]
    return [*filters, {"response_flag_filter": {"flags": list(reply.flags)}}] if reply.flags else filters


def _status_filter(operator: str, status: int) -> Message:
    runtime_key = f"wrinkle.reply.{operator.lower()}.{status}"
    return {
        "status_code_filter": {
            "comparison": {"op": operator, "value": {"default_value": status, "runtime_key": runtime_key}}
        }
    }


def _all_of(filters: list[Message]) -> Message:
    return {"and_filter": {"filters": filters}}
