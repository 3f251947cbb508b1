"""What a handler answers: one JSON body per request, with an HTTP status of its own.

A good answer has ``contract_version``, ``model``, ``model_version``, ``request_id``, ``report`` and, each in Base64,
``mask_png`` and what the caller asked for: ``probability_png``, ``skin_mask_png``, ``geometry``.
A refusal has ``code``, the error's name in wrinkle_core.errors, ``message`` and ``request_id``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from wrinkle_core.contract import CONTRACT_VERSION, GEOMETRY, MASK_PNG, PROBABILITY_PNG, SKIN_MASK_PNG
from wrinkle_core.errors import (
    MAX_MESSAGE_CHARS,
    ContractError,
    ImageTooLargeError,
    InvalidInputError,
    OverloadedError,
    WrinkleError,
)
from wrinkle_core.postprocess import Answer
from wrinkle_core.torchserve_form import ENCODED_TENSORS, REPORT_KEY

__all__ = ["ModelIdentity", "Reply", "answer_reply", "description_reply", "refusal_reply"]

# The first that fits; anything else is the server's own fault.
_STATUSES: Final[tuple[tuple[type[WrinkleError], HTTPStatus], ...]] = (
    (ImageTooLargeError, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (InvalidInputError, HTTPStatus.BAD_REQUEST),
    (ContractError, HTTPStatus.BAD_REQUEST),
    (OverloadedError, HTTPStatus.SERVICE_UNAVAILABLE),
)


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model answers.

    Attributes:
        name: As TorchServe knows it, the ensemble's name.
        version: Of the archive.
    """

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer; ``body`` is UTF-8 JSON."""

    status: HTTPStatus
    body: bytes


def answer_reply(model: ModelIdentity, request_id: str, answer: Answer, geometry: bytes | None) -> Reply:
    """Return the answer to one photograph; ``geometry`` are the bytes of GEOMETRY when they were asked for."""
    tensors = {
        MASK_PNG.name: answer.mask_png,
        PROBABILITY_PNG.name: answer.probability_png,
        SKIN_MASK_PNG.name: answer.skin_mask_png,
        GEOMETRY.name: geometry,
    }
    encoded = {
        key: base64.b64encode(data).decode("ascii")
        for key, tensor in ENCODED_TENSORS.items()
        if (data := tensors[tensor.name])
    }
    report = {REPORT_KEY: json.loads(answer.report_json)}
    return _reply(HTTPStatus.OK, _identity(model, request_id) | report | encoded)


def description_reply(model: ModelIdentity, request_id: str) -> Reply:
    """Return what the model says of itself: proof that its worker runs, and its contract version."""
    return _reply(HTTPStatus.OK, _identity(model, request_id))


def refusal_reply(error: WrinkleError, request_id: str) -> Reply:
    """Return the answer to a request that failed."""
    status = next((each for kind, each in _STATUSES if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
    message = " ".join(str(error).split())[:MAX_MESSAGE_CHARS]
    return _reply(status, {"code": error.code, "message": message, "request_id": request_id})


def _identity(model: ModelIdentity, request_id: str) -> dict[str, Any]:
    return {
        "contract_version": CONTRACT_VERSION,
        "model": model.name,
        "model_version": model.version,
        "request_id": request_id,
    }


def _reply(status: HTTPStatus, document: Mapping[str, Any]) -> Reply:
    return Reply(status, json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode())
