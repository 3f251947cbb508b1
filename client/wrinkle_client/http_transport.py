"""KServe v2 over HTTP, with Triton's binary tensor extension; tritonclient writes and reads the bodies.

Source: Triton ``docs/protocol/extension_binary_data.md`` and ``extension_parameters.md``.
"""

from __future__ import annotations

import http.client
import json
from typing import Final
from urllib.parse import quote

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from wrinkle_client.credentials import Credentials
from wrinkle_client.deadline import Deadline
from wrinkle_client.endpoint import Endpoint
from wrinkle_client.failures import HTTP_CODES, wire_failure
from wrinkle_client.http_connections import HttpConnections, HttpReply
from wrinkle_client.limits import Limits
from wrinkle_client.request import SegmentRequest
from wrinkle_client.transport import RawAnswer
from wrinkle_core.contract import IMAGE
from wrinkle_core.errors import ServerFaultError, WrinkleError

__all__ = ["HttpTransport"]

_OK: Final = 200


class HttpTransport:
    """Transport over HTTP; see ``transport.Transport``."""

    def __init__(self, endpoint: Endpoint, limits: Limits, credentials: Credentials) -> None:
        self._url = endpoint.url
        self._headers = credentials.headers
        self._connections = HttpConnections(endpoint, limits, credentials.tls_context() if endpoint.secure else None)

    def infer(self, request: SegmentRequest, deadline: Deadline) -> RawAnswer:
        """Run the ensemble that ``request`` names."""
        body, json_bytes = _encode(request)
        reply = self._connections.exchange(
            "POST",
            f"/v2/models/{quote(request.model_name, safe='')}/infer",
            deadline,
            body=body,
            headers={
                "Content-Type": "application/octet-stream",
                "Inference-Header-Content-Length": str(json_bytes),
                **self._headers,
                **request.headers,
            },
        )
        if reply.status != _OK:
            raise self._failure(reply)
        return _decode(reply)

    def server_live(self, deadline: Deadline) -> bool:
        """Return whether the server says that it is up."""
        return self._get("/v2/health/live", deadline).status == _OK

    def server_ready(self, deadline: Deadline) -> bool:
        """Return whether the server says that all its models are ready."""
        return self._get("/v2/health/ready", deadline).status == _OK

    def model_ready(self, model_name: str, deadline: Deadline) -> bool:
        """Return whether the Triton model is loaded; False when the server does not know it."""
        return self._get(f"/v2/models/{quote(model_name, safe='')}/ready", deadline).status == _OK

    def model_versions(self, model_name: str, deadline: Deadline) -> tuple[str, ...]:
        """Return the versions of a Triton model."""
        reply = self._get(f"/v2/models/{quote(model_name, safe='')}", deadline)
        if reply.status != _OK:
            raise self._failure(reply)
        try:
            return tuple(str(version) for version in json.loads(reply.body)["versions"])
        except (ValueError, KeyError, TypeError) as error:
            raise _unreadable() from error

    def close(self) -> None:
        """Let go of every connection."""
        self._connections.close()

    def _get(self, path: str, deadline: Deadline) -> HttpReply:
        reply = self._connections.exchange("GET", path, deadline, headers=self._headers)
        if reply.status in (http.client.UNAUTHORIZED, http.client.FORBIDDEN):
            raise self._failure(reply)
        return reply

    def _failure(self, reply: HttpReply) -> WrinkleError:
        text = _error_text(reply.body)
        if text is None:
            text = http.client.responses.get(reply.status, "")
            if HTTP_CODES.get(reply.status) == "NOT_FOUND":
                return ServerFaultError(
                    f"What listens at {self._url} is no Triton server: it knows no KServe v2 address."
                )
        code = HTTP_CODES.get(reply.status, "UNKNOWN")
        if reply.status == http.client.REQUEST_ENTITY_TOO_LARGE:
            text = f"Payload too large. {text}"
        if reply.status == http.client.BAD_GATEWAY:
            text = f"Bad gateway. {text}"
        return wire_failure(code, text, url=self._url, answered=True, retry_after_s=reply.retry_after_s)


def _encode(request: SegmentRequest) -> tuple[bytes, int]:
    """Return the body and the length of its JSON part."""
    image = triton.InferInput(IMAGE.name, [len(request.encoded)], IMAGE.datatype)
    image.set_data_from_numpy(np.frombuffer(request.encoded, np.uint8), binary_data=True)
    outputs = [triton.InferRequestedOutput(name, binary_data=True) for name in request.output_names]
    body, json_bytes = triton.InferenceServerClient.generate_request_body(
        [image], outputs=outputs, request_id=request.request_id, parameters=request.parameters
    )
    return body, json_bytes


def _decode(reply: HttpReply) -> RawAnswer:
    try:
        result = triton.InferenceServerClient.parse_response_body(
            reply.body, header_length=reply.inference_header_bytes
        )
        header = result.get_response()
        outputs = {str(output["name"]): str(output["datatype"]) for output in header["outputs"]}
        tensors = {name: result.as_numpy(name).ravel() for name, datatype in outputs.items() if datatype == "UINT8"}
        return RawAnswer(
            model_version=str(header.get("model_version", "")),
            request_id=str(header.get("id", "")),
            tensors=tensors,
            other_outputs=tuple(name for name in outputs if name not in tensors),
        )
    except (ValueError, KeyError, TypeError, AttributeError, InferenceServerException) as error:
        raise _unreadable() from error


def _error_text(body: bytes) -> str | None:
    """Return Triton's message, or None when the body is not Triton's."""
    try:
        message = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        return None
    return message if isinstance(message, str) else None


def _unreadable() -> ServerFaultError:
    return ServerFaultError("The server's answer is no KServe v2 answer; check that the URL is Triton's own.")
