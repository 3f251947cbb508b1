"""TorchServe's own protocol, with the JSON body of wrinkle-serving's handler; see docs/torchserve.md.

TorchServe tells little to who holds only the inference key: ``/ping`` calls a worker healthy while it still loads. So a
model counts as ready when its worker describes itself.

Source: TorchServe docs/inference_api.md; the errors were seen on TorchServe 0.12.
"""

from __future__ import annotations

import base64
import http.client
import json
from typing import Any, Final
from urllib.parse import quote

import numpy as np

from wrinkle_client.credentials import Credentials
from wrinkle_client.deadline import Deadline
from wrinkle_client.endpoint import Endpoint
from wrinkle_client.server_state import ServerInfo
from wrinkle_client.transports.http_exchange import HttpExchange, HttpReply
from wrinkle_client.transports.messages import InferenceRequest, RawAnswer, Tensor
from wrinkle_client.transports.torchserve_failures import torchserve_failure
from wrinkle_core.contract import GEOMETRY, IMAGE, REPORT_JSON, SEGMENTERS
from wrinkle_core.errors import (
    DeadlineExceededError,
    InvalidParameterError,
    ModelNotFoundError,
    ModelNotReadyError,
    OverloadedError,
    ServerFaultError,
)
from wrinkle_core.torchserve_form import DESCRIBE_HEADER, ENCODED_TENSORS, REPORT_KEY, REQUEST_ID_HEADER, header_of

__all__ = ["TorchServeTransport"]

_OK: Final = http.client.OK
_DTYPES: Final[dict[str, np.dtype[Any]]] = {"UINT8": np.dtype(np.uint8), "FP32": np.dtype("<f4")}
_OCTETS: Final = {"Content-Type": "application/octet-stream"}


class TorchServeTransport:
    """Transport to TorchServe; see ``transport.Transport``."""

    def __init__(self, endpoint: Endpoint, credentials: Credentials, exchange: HttpExchange) -> None:
        self._url = endpoint.url
        self._headers = credentials.headers
        self._http = exchange

    async def infer(self, request: InferenceRequest, deadline: Deadline) -> RawAnswer:
        """Segment one photograph with the model that ``request`` names."""
        body, headers = _encode(request)
        reply = await self._http.exchange(
            "POST",
            _prediction_path(request.model_name, request.model_version),
            deadline,
            body=body,
            headers={**self._headers, **request.headers, **headers},
        )
        return _decode(self._document(reply))

    async def server_live(self, deadline: Deadline) -> bool:
        """Return whether TorchServe is up; its workers may be down."""
        return (await self._ping(deadline)).status in (_OK, http.client.INTERNAL_SERVER_ERROR)

    async def server_ready(self, deadline: Deadline) -> bool:
        """Return whether every model that TorchServe has is ready, and there is one."""
        if (await self._ping(deadline)).status != _OK:
            return False
        ready = []
        for spec in SEGMENTERS:
            try:
                ready.append(await self._describe(spec.ensemble, deadline) is not None)
            except ModelNotFoundError:
                continue
        return bool(ready) and all(ready)

    async def server_info(self, deadline: Deadline) -> ServerInfo:
        """Return TorchServe's release, and the contract version of the first model that tells it."""
        said = self._document(await self._http.exchange("GET", "/api-description", deadline, headers=self._headers))
        information = said.get("info")
        version = str(information.get("version", "")) if isinstance(information, dict) else ""
        return ServerInfo("torchserve", version, (), await self._contract_version(deadline))

    async def model_ready(self, model_name: str, deadline: Deadline) -> bool:
        """Return whether a worker has loaded the model; False when TorchServe does not know it."""
        try:
            return await self._describe(model_name, deadline) is not None
        except ModelNotFoundError:
            return False

    async def model_versions(self, model_name: str, deadline: Deadline) -> tuple[str, ...]:
        """Return the version that TorchServe answers with; it tells the others to nobody but its administrator."""
        described = await self._describe(model_name, deadline)
        return () if described is None else (str(described.get("model_version", "")),)

    async def close(self) -> None:
        """Let go of every connection."""
        await self._http.close()

    async def _contract_version(self, deadline: Deadline) -> int | None:
        for spec in SEGMENTERS:
            try:
                described = await self._describe(spec.ensemble, deadline)
            except ModelNotFoundError:
                continue
            version = None if described is None else described.get("contract_version")
            if isinstance(version, int):
                return version
        return None

    async def _ping(self, deadline: Deadline) -> HttpReply:
        reply = await self._http.exchange("GET", "/ping", deadline, headers=self._headers)
        if reply.status not in (_OK, http.client.INTERNAL_SERVER_ERROR):
            raise torchserve_failure(reply, self._url)
        return reply

    async def _describe(self, model_name: str, deadline: Deadline) -> dict[str, Any] | None:
        """Return what a model's worker says of itself; None when none answers in time, for it loads or is busy.

        Raises:
            ModelNotFoundError: TorchServe does not have the model.
        """
        headers = {**self._headers, **_OCTETS, DESCRIBE_HEADER: "true"}
        try:
            reply = await self._http.exchange("POST", _prediction_path(model_name), deadline, body=b"", headers=headers)
            return self._document(reply)
        except (DeadlineExceededError, ModelNotReadyError, OverloadedError):
            return None

    def _document(self, reply: HttpReply) -> dict[str, Any]:
        if reply.status != _OK:
            raise torchserve_failure(reply, self._url)
        try:
            document = json.loads(reply.body)
        except (ValueError, RecursionError) as error:
            raise _unreadable() from error
        if not isinstance(document, dict):
            raise _unreadable()
        return document


def _prediction_path(model_name: str, model_version: str = "") -> str:
    version = f"/{quote(model_version, safe='')}" if model_version else ""
    return f"/predictions/{quote(model_name, safe='')}{version}"


def _encode(request: InferenceRequest) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers that describe it.

    Raises:
        InvalidParameterError: The request is for Triton alone.
    """
    if set(request.inputs) != {IMAGE.name}:
        raise InvalidParameterError(
            "TorchServe prepares photographs itself; prepare='client' is for Triton, with http:// or grpc://."
        )
    if request.compression != "none":
        raise InvalidParameterError("TorchServe takes no compressed bodies; leave compression at 'none'.")
    choices = {name: str(value).lower() for name, value in request.parameters.items()}
    if GEOMETRY.name in request.outputs:
        choices["geometry"] = "true"
    headers = {header_of(name): value for name, value in choices.items()}
    return request.inputs[IMAGE.name].tobytes(), {**_OCTETS, REQUEST_ID_HEADER: request.request_id, **headers}


def _decode(document: dict[str, Any]) -> RawAnswer:
    try:
        tensors: dict[str, Tensor] = {
            tensor.name: np.frombuffer(base64.b64decode(document[key], validate=True), _DTYPES[tensor.datatype])
            for key, tensor in ENCODED_TENSORS.items()
            if key in document
        }
        report = json.dumps(document[REPORT_KEY], ensure_ascii=False, separators=(",", ":")).encode()
        return RawAnswer(
            model_version=str(document["model_version"]),
            request_id=str(document["request_id"]),
            tensors={**tensors, REPORT_JSON.name: np.frombuffer(report, np.uint8)},
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _unreadable() from error


def _unreadable() -> ServerFaultError:
    return ServerFaultError("The answer is not of wrinkle-serving's handler; check which TorchServe the URL names.")
