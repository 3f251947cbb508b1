"""From TorchServe's answers to the error tree: the handler's own errors, then what TorchServe says itself.

TorchServe answers a wrong token with status 400, and a request whose worker died with 413, 500 or 507; its exception's
name and message tell them apart.

Source: seen on TorchServe 0.12; org.pytorch.serve.http and wlm.WorkerThread.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Final

from wrinkle_client.failures import HTTP_CODES, wire_failure
from wrinkle_client.transports.http_exchange import HttpReply
from wrinkle_core.errors import (
    MAX_MESSAGE_CHARS,
    ImageTooLargeError,
    ModelNotFoundError,
    ModelNotReadyError,
    OverloadedError,
    ServerFaultError,
    UnauthorizedError,
    WrinkleError,
    error_codes,
)

__all__ = ["torchserve_failure"]

_WORKER_DIED: Final = "Worker died."
_BY_TYPE: Final[dict[str, tuple[type[WrinkleError], str]]] = {
    "InvalidKeyException": (
        UnauthorizedError,
        "TorchServe does not accept the token; `wrinkle torchserve start` prints the file that holds it.",
    ),
    "ModelNotFoundException": (ModelNotFoundError, "TorchServe does not serve this model."),
    "ModelVersionNotFoundException": (ModelNotFoundError, "TorchServe does not serve this version of the model."),
    "ServiceUnavailableException": (
        OverloadedError,
        "TorchServe's queue is full, or no worker of the model runs; send fewer photographs at once or try later.",
    ),
}
_BY_STATUS: Final[dict[int, tuple[type[WrinkleError], str]]] = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        ImageTooLargeError,
        "TorchServe or a proxy refuses a file of this size; save the photograph smaller.",
    ),
    HTTPStatus.INSUFFICIENT_STORAGE: (OverloadedError, "TorchServe's worker ran out of memory; try again later."),
}


def torchserve_failure(reply: HttpReply, url: str) -> WrinkleError:
    """Return the error for an answer that is not 200."""
    said = _object(reply.body)
    code, message, kind = said.get("code"), str(said.get("message", "")), said.get("type")
    if isinstance(code, str) and code in error_codes():
        return error_codes()[code](message[:MAX_MESSAGE_CHARS])
    if message == _WORKER_DIED:
        return ModelNotReadyError("TorchServe's worker died and is started anew; try again in a few seconds.")
    known = _BY_TYPE.get(str(kind)) or _BY_STATUS.get(reply.status)
    if known is not None:
        return known[0](known[1])
    if reply.status == HTTPStatus.NOT_FOUND:
        return ServerFaultError(f"What listens at {url} is no TorchServe: it knows no such address.")
    grpc_name = HTTP_CODES.get(reply.status, "UNKNOWN")
    return wire_failure(grpc_name, message, url=url, answered=True, retry_after_s=reply.retry_after_s)


def _object(body: bytes) -> dict[str, object]:
    """Return a JSON object, an empty one when the body is none."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
