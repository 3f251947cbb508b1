"""KServe v2 over gRPC, with tritonclient's messages, for the fake server.

Source: Triton ``grpc_service.proto``.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import grpc
import numpy as np
from tritonclient.grpc import service_pb2 as pb

from wrinkle_client.testing.fake_backend import FakeBackend
from wrinkle_client.transports.messages import InferenceRequest, datatype_of
from wrinkle_core.contract import CONTRACT_VERSION
from wrinkle_core.errors import (
    ContractError,
    DeadlineExceededError,
    InvalidInputError,
    ModelNotFoundError,
    ModelNotReadyError,
    OverloadedError,
    ServerUnreachableError,
    UnauthorizedError,
    WrinkleError,
    to_wire,
)

__all__ = ["KServeGrpcServer"]

_SERVICE: Final = "inference.GRPCInferenceService"
_WORKERS: Final = 32
_GRPC_STOPPER: Final = (
    "(cancel_all_calls_after_grace)"  # gRPC's own, which may outlive the moment it says that it stopped
)
_STOPPER_LIMIT_S: Final = 5.0
_DTYPES: Final = {"UINT8": np.uint8, "FP32": np.float32}
_STATUSES: Final[tuple[tuple[type[WrinkleError], grpc.StatusCode], ...]] = (
    (InvalidInputError, grpc.StatusCode.INVALID_ARGUMENT),
    (ContractError, grpc.StatusCode.INVALID_ARGUMENT),
    (UnauthorizedError, grpc.StatusCode.UNAUTHENTICATED),
    (ModelNotFoundError, grpc.StatusCode.NOT_FOUND),
    (OverloadedError, grpc.StatusCode.UNAVAILABLE),
    (ModelNotReadyError, grpc.StatusCode.UNAVAILABLE),
    (ServerUnreachableError, grpc.StatusCode.UNAVAILABLE),
    (DeadlineExceededError, grpc.StatusCode.DEADLINE_EXCEEDED),
)


class KServeGrpcServer:
    """One listening port and its workers."""

    def __init__(self, backend: FakeBackend, port: int) -> None:
        """Listen on a loopback port; 0 takes a free one.

        Raises:
            OSError: The port is taken.
        """
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="fake-grpc")
        options = [
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 0),
        ]
        self._server = grpc.server(self._workers, options=options)
        self._server.add_generic_rpc_handlers((_Methods(backend).handler(),))
        try:
            self.port: int = self._server.add_insecure_port(f"127.0.0.1:{port}")
        except RuntimeError as error:
            raise OSError(errno.EADDRINUSE, f"Port {port} is in use.") from error

    def start(self) -> None:
        """Begin to answer."""
        self._server.start()

    def stop(self) -> None:
        """Cancel what runs and wait for every thread."""
        self._server.stop(0).wait()
        for thread in threading.enumerate():
            if thread.name.endswith(_GRPC_STOPPER):
                thread.join(_STOPPER_LIMIT_S)
        self._workers.shutdown()


class _Methods:
    """One method per call of the service that the SDK makes."""

    def __init__(self, backend: FakeBackend) -> None:
        self._backend = backend

    def handler(self) -> grpc.GenericRpcHandler:
        """Return the service for ``grpc.Server``."""
        methods: dict[str, tuple[Callable[[Any, grpc.ServicerContext], Any], Any]] = {
            "ServerLive": (lambda request, context: pb.ServerLiveResponse(live=True), pb.ServerLiveRequest),
            "ServerReady": (lambda request, context: pb.ServerReadyResponse(ready=True), pb.ServerReadyRequest),
            "ServerMetadata": (lambda request, context: _about_server(), pb.ServerMetadataRequest),
            "ModelReady": (self._model_ready, pb.ModelReadyRequest),
            "ModelMetadata": (self._model_metadata, pb.ModelMetadataRequest),
            "ModelConfig": (self._model_config, pb.ModelConfigRequest),
            "ModelInfer": (self._infer, pb.ModelInferRequest),
        }
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(
                method, message.FromString, lambda response: response.SerializeToString()
            )
            for name, (method, message) in methods.items()
        }
        return grpc.method_handlers_generic_handler(_SERVICE, handlers)

    def _model_ready(self, request: Any, context: grpc.ServicerContext) -> Any:
        _typed(context, lambda: self._backend.require_model(request.name))
        return pb.ModelReadyResponse(ready=True)

    def _model_metadata(self, request: Any, context: grpc.ServicerContext) -> Any:
        _typed(context, lambda: self._backend.require_model(request.name))
        return pb.ModelMetadataResponse(name=request.name, versions=["1"])

    def _model_config(self, request: Any, context: grpc.ServicerContext) -> Any:
        _typed(context, lambda: self._backend.require_model(request.name))
        response = pb.ModelConfigResponse()
        response.config.name = request.name
        response.config.parameters["contract_version"].string_value = str(CONTRACT_VERSION)
        return response

    def _infer(self, request: Any, context: grpc.ServicerContext) -> Any:
        headers = {key: str(value) for key, value in context.invocation_metadata()}
        answer = _typed(context, lambda: self._backend.infer(_read_request(request), "grpc", headers))
        response = pb.ModelInferResponse(
            model_name=request.model_name, model_version=answer.model_version, id=answer.request_id
        )
        for name, tensor in answer.tensors.items():
            response.outputs.add(name=name, datatype=datatype_of(tensor), shape=tensor.shape)
            response.raw_output_contents.append(tensor.tobytes())
        return response


def _about_server() -> Any:
    return pb.ServerMetadataResponse(name="wrinkle-serving", version=str(CONTRACT_VERSION))


def _typed(context: grpc.ServicerContext, answer: Callable[[], Any]) -> Any:
    try:
        return answer()
    except WrinkleError as error:
        status = next((status for kind, status in _STATUSES if isinstance(error, kind)), grpc.StatusCode.INTERNAL)
        retry_after_s = getattr(error, "retry_after_s", None)
        if retry_after_s is not None:
            context.set_trailing_metadata((("retry-after", f"{retry_after_s:g}"),))
        return context.abort(status, to_wire(error))


def _read_request(message: Any) -> InferenceRequest:
    try:
        inputs = {
            tensor.name: np.frombuffer(raw, _DTYPES[tensor.datatype]).reshape(tuple(tensor.shape))
            for tensor, raw in zip(message.inputs, message.raw_input_contents, strict=True)
        }
    except (ValueError, KeyError) as error:
        raise ContractError("The message is no KServe v2 request with raw tensors.") from error
    return InferenceRequest(
        message.model_name,
        inputs,
        tuple(output.name for output in message.outputs),
        message.id,
        message.model_version,
        {key: _value(value) for key, value in message.parameters.items()},
    )


def _value(parameter: Any) -> bool | float:
    value: bool | float = getattr(parameter, parameter.WhichOneof("parameter_choice"))
    return value
