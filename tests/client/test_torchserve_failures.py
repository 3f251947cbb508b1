"""Which error each answer of TorchServe becomes; the bodies are those of TorchServe 0.12."""

from __future__ import annotations

import json

import pytest

from wrinkle_client import (
    ContractError,
    DeadlineExceededError,
    ImageTooLargeError,
    ModelNotFoundError,
    ModelNotReadyError,
    NoFaceError,
    OverloadedError,
    ServerFaultError,
    UnauthorizedError,
    WrinkleError,
)
from wrinkle_client.transports.http_exchange import HttpReply
from wrinkle_client.transports.torchserve_failures import torchserve_failure

URL = "torchserve://localhost:8080"


def own(status: int, kind: str, message: str) -> tuple[int, bytes]:
    return status, json.dumps({"code": status, "type": kind, "message": message}, indent=2).encode()


def failure(status: int, body: bytes) -> WrinkleError:
    return torchserve_failure(HttpReply(status, body, None), URL)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (own(400, "InvalidKeyException", "Token Authorization failed."), UnauthorizedError),
        (own(404, "ModelNotFoundException", "Model not found: nope"), ModelNotFoundError),
        (own(404, "ModelVersionNotFoundException", "Model version: 7 does not exist"), ModelNotFoundError),
        (own(404, "ResourceNotFoundException", "Requested resource is not found"), ServerFaultError),
        (own(503, "ServiceUnavailableException", "Model has no worker to serve"), OverloadedError),
        (own(413, "InternalServerException", "Worker died."), ModelNotReadyError),
        (own(500, "InternalServerException", "Worker died."), ModelNotReadyError),
        (own(507, "InternalServerException", "Worker died."), ModelNotReadyError),
        (own(507, "InternalServerException", "Out of resources"), OverloadedError),
        (own(405, "MethodNotAllowedException", "Requested method is not allowed"), ServerFaultError),
        (own(500, "InternalServerException", "Prediction failed at /srv/model/handler.py"), ServerFaultError),
        ((413, b""), ImageTooLargeError),
        ((401, b"proxy says no"), UnauthorizedError),
        ((504, b"<html>proxy</html>"), DeadlineExceededError),
        ((418, b"[" * 100_000), ServerFaultError),
    ],
)
def test_answer_of_torchserve_or_a_proxy_has_its_type(answer: tuple[int, bytes], error: type[WrinkleError]) -> None:
    found = failure(*answer)
    assert type(found) is error
    assert "/srv" not in str(found)


@pytest.mark.parametrize(("status", "error"), [(400, NoFaceError), (400, ContractError), (500, ServerFaultError)])
def test_answer_of_the_handler_is_the_error_it_names(status: int, error: type[WrinkleError]) -> None:
    found = failure(status, json.dumps({"code": error.code, "message": "why", "request_id": ""}).encode())
    assert (type(found), str(found)) == (error, "why")


def test_code_that_this_client_does_not_know_is_the_servers_fault() -> None:
    assert type(failure(500, b'{"code": "SOMETHING_NEW", "message": "m"}')) is ServerFaultError
