"""KServe v2 over HTTP, with Triton's binary tensor extension; tritonclient writes and reads the bodies.

Source: Triton ``docs/protocol/extension_binary_data.md``, ``extension_parameters.md`` and
``extension_model_configuration.md``.
"""

from __future__ import annotations

import gzip
import http.client
import json
import zlib
from typing import Any, Final
from urllib.parse import quote

import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from wrinkle_client.credentials import Credentials
from wrinkle_client.deadline import Deadline
from wrinkle_client.endpoint import Endpoint
from wrinkle_client.failures import HTTP_CODES, wire_failure
from wrinkle_client.runtime import Runtime
from wrinkle_client.server_state import ServerInfo
from wrinkle_client.transports.contract_version import VERSION_PARAMETER, gateway_contract, read_version
from wrinkle_client.transports.http_exchange import HttpExchange, HttpReply
from wrinkle_client.transports.messages import InferenceRequest, MemoryRegion, RawAnswer, datatype_of
from wrinkle_core.contract import SEGMENTERS
from wrinkle_core.errors import ServerFaultError, WrinkleError

__all__ = ["HttpTransport"]

_OK: Final = 200
_READ_DATATYPES: Final = ("UINT8", "FP32")
# What tritonclient and NumPy raise for bytes that are none.
_NO_KSERVE_ANSWER: Final = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
    InferenceServerException,
)


class HttpTransport:
    """Transport over HTTP; see ``transport.Transport``."""

    def __init__(self, endpoint: Endpoint, credentials: Credentials, exchange: HttpExchange, runtime: Runtime) -> None:
        self._url = endpoint.url
        self._headers = credentials.headers
        self._http = exchange
        self._runtime = runtime

    async def infer(self, request: InferenceRequest, deadline: Deadline) -> RawAnswer:
        """Run the model that ``request`` names."""
        if request.compression == "none":
            body, headers = _encode(request)
        else:  # takes a tenth of a second for a network's input, too long for an event loop
            body, headers = await self._runtime.compute(lambda: _encode(request), deadline)
        version = f"/versions/{quote(request.model_version, safe='')}" if request.model_version else ""
        reply = await self._http.exchange(
            "POST",
            f"/v2/models/{quote(request.model_name, safe='')}{version}/infer",
            deadline,
            body=body,
            headers={**headers, **self._headers, **request.headers},
        )
        if reply.status != _OK:
            raise self._failure(reply)
        return _decode(reply)

    async def server_live(self, deadline: Deadline) -> bool:
        """Return whether the server says that it is up."""
        return (await self._get("/v2/health/live", deadline)).status == _OK

    async def server_ready(self, deadline: Deadline) -> bool:
        """Return whether the server says that all its models are ready."""
        return (await self._get("/v2/health/ready", deadline)).status == _OK

    async def server_info(self, deadline: Deadline) -> ServerInfo:
        """Return what the server says of itself."""
        said = await self._document("/v2", deadline)
        name, version = str(said.get("name", "")), str(said.get("version", ""))
        offered = said.get("extensions", ())
        if not isinstance(offered, (list, tuple)):
            raise _unreadable()
        extensions = tuple(str(each) for each in offered)
        contract = gateway_contract(name, version)
        return ServerInfo(name, version, extensions, contract or await self._configured_contract(deadline))

    async def model_ready(self, model_name: str, deadline: Deadline) -> bool:
        """Return whether the Triton model is loaded; False when the server does not know it."""
        return (await self._get(f"/v2/models/{quote(model_name, safe='')}/ready", deadline)).status == _OK

    async def model_versions(self, model_name: str, deadline: Deadline) -> tuple[str, ...]:
        """Return the versions of a Triton model."""
        said = await self._document(f"/v2/models/{quote(model_name, safe='')}", deadline)
        try:
            return tuple(str(version) for version in said["versions"])
        except (KeyError, TypeError) as error:
            raise _unreadable() from error

    async def register_memory(self, region: MemoryRegion, deadline: Deadline) -> None:
        """Make a region known to the server."""
        body = json.dumps({"key": f"/{region.name}", "offset": 0, "byte_size": region.byte_size}).encode()
        await self._memory(region, "register", body, deadline)

    async def unregister_memory(self, region: MemoryRegion, deadline: Deadline) -> None:
        """Have the server forget a region."""
        await self._memory(region, "unregister", b"{}", deadline)

    async def close(self) -> None:
        """Let go of every connection."""
        await self._http.close()

    async def _memory(self, region: MemoryRegion, action: str, body: bytes, deadline: Deadline) -> None:
        path = f"/v2/systemsharedmemory/region/{quote(region.name, safe='')}/{action}"
        reply = await self._http.exchange("POST", path, deadline, body=body, headers=self._headers)
        if reply.status != _OK:
            raise self._failure(reply)

    async def _configured_contract(self, deadline: Deadline) -> int | None:
        """Return the contract version in an ensemble's configuration; None when it cannot be read."""
        for spec in SEGMENTERS:
            reply = await self._get(f"/v2/models/{spec.ensemble}/config", deadline)
            if reply.status == _OK:
                try:
                    return read_version(str(json.loads(reply.body)["parameters"][VERSION_PARAMETER]["string_value"]))
                except (ValueError, KeyError, TypeError, RecursionError):
                    return None
        return None

    async def _document(self, path: str, deadline: Deadline) -> dict[str, Any]:
        reply = await self._get(path, deadline)
        if reply.status != _OK:
            raise self._failure(reply)
        try:
            said = json.loads(reply.body)
        except (ValueError, RecursionError) as error:
            raise _unreadable() from error
        if not isinstance(said, dict):
            raise _unreadable()
        return said

    async def _get(self, path: str, deadline: Deadline) -> HttpReply:
        reply = await self._http.exchange("GET", path, deadline, headers=self._headers)
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


def _encode(request: InferenceRequest) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers that describe it."""
    inputs = []
    for name, tensor in request.inputs.items():
        inputs.append(triton.InferInput(name, tensor.shape, datatype_of(tensor)))
        if name in request.regions:
            inputs[-1].set_shared_memory(request.regions[name].name, request.regions[name].byte_size)
        else:
            inputs[-1].set_data_from_numpy(tensor, binary_data=True)
    body, json_bytes = triton.InferenceServerClient.generate_request_body(
        inputs,
        outputs=[triton.InferRequestedOutput(name, binary_data=True) for name in request.outputs],
        request_id=request.request_id,
        parameters=dict(request.parameters),
    )
    headers = {"Content-Type": "application/octet-stream"}
    if json_bytes is not None:  # tritonclient gives None when no tensor follows the JSON part
        headers["Inference-Header-Content-Length"] = str(json_bytes)
    if request.compression == "gzip":
        return gzip.compress(body, compresslevel=6), {**headers, "Content-Encoding": "gzip"}
    if request.compression == "deflate":
        return zlib.compress(body), {**headers, "Content-Encoding": "deflate"}
    return body, headers


def _decode(reply: HttpReply) -> RawAnswer:
    try:
        result = triton.InferenceServerClient.parse_response_body(
            reply.body, header_length=reply.inference_header_bytes
        )
        header = result.get_response()
        outputs = {str(output["name"]): str(output["datatype"]) for output in header["outputs"]}
        read = {name for name, datatype in outputs.items() if datatype in _READ_DATATYPES}
        return RawAnswer(
            model_version=str(header.get("model_version", "")),
            request_id=str(header.get("id", "")),
            tensors={name: _array(result.as_numpy(name)) for name in outputs if name in read},
            other_outputs=tuple(name for name in outputs if name not in read),
        )
    except _NO_KSERVE_ANSWER as error:
        raise _unreadable() from error


def _array(tensor: Any) -> Any:
    """Refuse the None that tritonclient returns for an output without its data."""
    if tensor is None:
        raise ValueError
    return tensor


def _error_text(body: bytes) -> str | None:
    """Return Triton's message, or None when the body is not Triton's."""
    try:
        message = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return message if isinstance(message, str) else None


def _unreadable() -> ServerFaultError:
    return ServerFaultError("The server's answer is no KServe v2 answer; check that the URL is Triton's own.")
