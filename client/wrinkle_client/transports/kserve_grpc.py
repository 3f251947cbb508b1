"""KServe v2 over gRPC, with tritonclient's messages.

Source: Triton ``grpc_service.proto`` and ``docs/protocol/extension_model_configuration.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import grpc
import tritonclient.grpc as triton
from tritonclient.grpc import service_pb2 as pb

from wrinkle_client.credentials import Credentials
from wrinkle_client.deadline import Deadline
from wrinkle_client.endpoint import Endpoint
from wrinkle_client.failures import wire_failure
from wrinkle_client.retry_after import retry_after_s
from wrinkle_client.server_state import ServerInfo
from wrinkle_client.transports.contract_version import VERSION_PARAMETER, gateway_contract, read_version
from wrinkle_client.transports.grpc_channels import GrpcChannel, Metadata
from wrinkle_client.transports.messages import (
    Compression,
    InferenceRequest,
    MemoryRegion,
    RawAnswer,
    Tensor,
    datatype_of,
)
from wrinkle_core.contract import SEGMENTERS
from wrinkle_core.errors import ModelNotFoundError, ModelNotReadyError, ServerFaultError, WrinkleError

__all__ = ["GrpcTransport"]

_COMPRESSIONS: Final[dict[Compression, grpc.Compression]] = {
    "none": grpc.Compression.NoCompression,
    "gzip": grpc.Compression.Gzip,
    "deflate": grpc.Compression.Deflate,
}
_READ_DATATYPES: Final = ("UINT8", "FP32")


class GrpcTransport:
    """Transport over gRPC; see ``transport.Transport``."""

    def __init__(self, endpoint: Endpoint, credentials: Credentials, channel: GrpcChannel) -> None:
        self._url = endpoint.url
        self._metadata: Metadata = tuple(credentials.headers.items())
        self._channel = channel

    async def infer(self, request: InferenceRequest, deadline: Deadline) -> RawAnswer:
        """Run the model that ``request`` names."""
        return _decode(
            await self._call(
                "ModelInfer",
                _encode(request),
                deadline,
                headers=request.headers,
                compression=_COMPRESSIONS[request.compression],
            )
        )

    async def server_live(self, deadline: Deadline) -> bool:
        """Return whether the server says that it is up."""
        return bool((await self._call("ServerLive", pb.ServerLiveRequest(), deadline)).live)

    async def server_ready(self, deadline: Deadline) -> bool:
        """Return whether the server says that all its models are ready."""
        return bool((await self._call("ServerReady", pb.ServerReadyRequest(), deadline)).ready)

    async def server_info(self, deadline: Deadline) -> ServerInfo:
        """Return what the server says of itself; a gateway says nothing over gRPC."""
        try:
            said = await self._call("ServerMetadata", pb.ServerMetadataRequest(), deadline)
        except (ModelNotFoundError, ServerFaultError) as error:
            if not _not_offered(error):
                raise
            return ServerInfo("", "", (), None)
        contract = gateway_contract(said.name, said.version)
        return ServerInfo(
            said.name, said.version, tuple(said.extensions), contract or await self._configured_contract(deadline)
        )

    async def model_ready(self, model_name: str, deadline: Deadline) -> bool:
        """Return whether the Triton model is loaded; False when the server does not know it."""
        try:
            return bool((await self._call("ModelReady", pb.ModelReadyRequest(name=model_name), deadline)).ready)
        except (ModelNotFoundError, ModelNotReadyError):
            return False

    async def model_versions(self, model_name: str, deadline: Deadline) -> tuple[str, ...]:
        """Return the versions of a Triton model."""
        said = await self._call("ModelMetadata", pb.ModelMetadataRequest(name=model_name), deadline)
        return tuple(said.versions)

    async def register_memory(self, region: MemoryRegion, deadline: Deadline) -> None:
        """Make a region known to the server."""
        message = pb.SystemSharedMemoryRegisterRequest(
            name=region.name, key=f"/{region.name}", offset=0, byte_size=region.byte_size
        )
        await self._call("SystemSharedMemoryRegister", message, deadline)

    async def unregister_memory(self, region: MemoryRegion, deadline: Deadline) -> None:
        """Have the server forget a region."""
        message = pb.SystemSharedMemoryUnregisterRequest(name=region.name)
        await self._call("SystemSharedMemoryUnregister", message, deadline)

    async def close(self) -> None:
        """Close the channel; calls in flight are cancelled."""
        await self._channel.close()

    async def _configured_contract(self, deadline: Deadline) -> int | None:
        """Return the contract version in an ensemble's configuration; None when it cannot be read."""
        for spec in SEGMENTERS:
            try:
                said = await self._call("ModelConfig", pb.ModelConfigRequest(name=spec.ensemble), deadline)
            except (ModelNotFoundError, ModelNotReadyError):
                continue
            return read_version(said.config.parameters[VERSION_PARAMETER].string_value)
        return None

    async def _call(
        self,
        method: str,
        message: Any,
        deadline: Deadline,
        *,
        headers: Mapping[str, str] | None = None,
        compression: grpc.Compression = grpc.Compression.NoCompression,
    ) -> Any:
        metadata = (*self._metadata, *(headers or {}).items())
        try:
            return await self._channel.call(method, message, deadline, metadata, compression)
        except grpc.RpcError as error:
            raise self._failure(error, deadline) from error

    def _failure(self, error: Any, deadline: Deadline) -> WrinkleError:
        code, text = error.code().name, error.details() or ""
        if code == "DEADLINE_EXCEEDED":
            return deadline.exceeded()
        return wire_failure(code, text, url=self._url, answered=False, retry_after_s=_retry_after_s(error))


def _not_offered(error: WrinkleError) -> bool:
    """Return whether the server, or the gateway before it, does not offer the method."""
    return isinstance(error.__cause__, grpc.RpcError) and error.__cause__.code() is grpc.StatusCode.UNIMPLEMENTED


def _retry_after_s(error: Any) -> float | None:
    """Return how long the server or a gateway asked to wait."""
    metadata = (*(error.initial_metadata() or ()), *(error.trailing_metadata() or ()))
    asked = [retry_after_s(str(value)) for key, value in metadata if key == "retry-after"]
    return asked[0] if asked else None


def _encode(request: InferenceRequest) -> Any:
    message = pb.ModelInferRequest(
        model_name=request.model_name, model_version=request.model_version, id=request.request_id
    )
    for name, tensor in request.inputs.items():
        described = message.inputs.add(name=name, datatype=datatype_of(tensor), shape=tensor.shape)
        if name in request.regions:
            described.parameters["shared_memory_region"].string_param = request.regions[name].name
            described.parameters["shared_memory_byte_size"].int64_param = request.regions[name].byte_size
        else:
            message.raw_input_contents.append(tensor.tobytes())
    for name in request.outputs:
        message.outputs.add(name=name)
    for key, value in request.parameters.items():
        if isinstance(value, bool):
            message.parameters[key].bool_param = value
        else:
            message.parameters[key].double_param = value
    return message


def _decode(response: Any) -> RawAnswer:
    result = triton.InferResult(response)
    outputs = {output.name: output.datatype for output in response.outputs}
    try:
        tensors: dict[str, Tensor] = {
            name: result.as_numpy(name) for name, datatype in outputs.items() if datatype in _READ_DATATYPES
        }
    except (ValueError, TypeError, AttributeError) as error:
        raise ServerFaultError("The server's answer holds a tensor whose size and shape disagree.") from error
    if any(tensor is None for tensor in tensors.values()):
        raise ServerFaultError("The server's answer names a tensor that did not come with it.")
    return RawAnswer(
        model_version=response.model_version,
        request_id=response.id,
        tensors=tensors,
        other_outputs=tuple(name for name in outputs if name not in tensors),
    )
