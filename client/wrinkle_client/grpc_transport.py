"""KServe v2 over gRPC through tritonclient, whose channel may be shared between threads.

Source: Triton ``grpc_service.proto``; channel arguments: gRPC ``grpc_types.h``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import grpc
import numpy as np
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

from wrinkle_client.credentials import Credentials
from wrinkle_client.deadline import Deadline
from wrinkle_client.endpoint import Endpoint
from wrinkle_client.failures import wire_failure
from wrinkle_client.limits import Limits
from wrinkle_client.request import SegmentRequest
from wrinkle_client.retry_after import retry_after_s
from wrinkle_client.transport import RawAnswer
from wrinkle_core.contract import IMAGE
from wrinkle_core.errors import ModelNotFoundError, ModelNotReadyError, ServerFaultError, ServingError

__all__ = ["GrpcTransport"]

_Answer = TypeVar("_Answer")
_MESSAGE_OVERHEAD_BYTES: Final = 64 * 1024


class GrpcTransport:
    """Transport over gRPC; see ``transport.Transport``."""

    def __init__(self, endpoint: Endpoint, limits: Limits, credentials: Credentials) -> None:
        self._url = endpoint.url
        self._closed = False
        self._metadata = credentials.headers
        self._triton = triton.InferenceServerClient(
            endpoint.authority,
            creds=grpc.ssl_channel_credentials(*credentials.pem()) if endpoint.secure else None,
            channel_args=_channel_arguments(limits),
        )

    def infer(self, request: SegmentRequest, deadline: Deadline) -> RawAnswer:
        """Run the ensemble that ``request`` names."""
        image = triton.InferInput(IMAGE.name, [len(request.encoded)], IMAGE.datatype)
        image.set_data_from_numpy(np.frombuffer(request.encoded, np.uint8))
        outputs = [triton.InferRequestedOutput(name) for name in request.output_names]
        result = self._call(
            deadline,
            lambda timeout_s: self._triton.infer(
                request.model_name,
                [image],
                outputs=outputs,
                request_id=request.request_id,
                parameters=request.parameters,
                client_timeout=timeout_s,
                headers={**self._metadata, **request.headers},
            ),
        )
        return _decode(result)

    def server_live(self, deadline: Deadline) -> bool:
        """Return whether the server says that it is up."""
        return bool(self._call(deadline, lambda timeout_s: self._triton.is_server_live(self._metadata, timeout_s)))

    def server_ready(self, deadline: Deadline) -> bool:
        """Return whether the server says that all its models are ready."""
        return bool(self._call(deadline, lambda timeout_s: self._triton.is_server_ready(self._metadata, timeout_s)))

    def model_ready(self, model_name: str, deadline: Deadline) -> bool:
        """Return whether the Triton model is loaded; False when the server does not know it."""
        try:
            return bool(
                self._call(
                    deadline,
                    lambda timeout_s: self._triton.is_model_ready(
                        model_name, headers=self._metadata, client_timeout=timeout_s
                    ),
                )
            )
        except (ModelNotFoundError, ModelNotReadyError):
            return False

    def model_versions(self, model_name: str, deadline: Deadline) -> tuple[str, ...]:
        """Return the versions of a Triton model."""
        metadata = self._call(
            deadline,
            lambda timeout_s: self._triton.get_model_metadata(
                model_name, headers=self._metadata, client_timeout=timeout_s
            ),
        )
        return tuple(metadata.versions)

    def close(self) -> None:
        """Close the channel; calls in flight are cancelled."""
        self._closed = True
        self._triton.close()

    def _call(self, deadline: Deadline, call: Callable[[float], _Answer]) -> _Answer:
        if self._closed:
            raise ServingError("This client is closed; make a new one.")
        try:
            return call(deadline.require_s())
        except InferenceServerException as error:
            code = str(error.status() or "UNKNOWN").removeprefix("StatusCode.")
            if code == "DEADLINE_EXCEEDED":
                raise deadline.exceeded() from error
            if self._closed:
                raise ServingError("The client was closed during the call.") from error
            raise wire_failure(
                code, error.message() or "", url=self._url, answered=False, retry_after_s=_retry_after_s(error)
            ) from error
        except ValueError as error:
            # grpc raises it for a channel that another thread has closed since the check above.
            if self._closed:
                raise ServingError("This client is closed; make a new one.") from error
            raise


def _channel_arguments(limits: Limits) -> list[tuple[str, int]]:
    return [
        ("grpc.max_send_message_length", limits.max_encoded_bytes + _MESSAGE_OVERHEAD_BYTES),
        ("grpc.max_receive_message_length", limits.max_response_bytes),
        # Each client connects for itself: no back-off state inherited from another client of the same address.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1000),
        ("grpc.enable_http_proxy", 0),
    ]


def _retry_after_s(error: InferenceServerException) -> float | None:
    """Return what a gateway asked for; tritonclient keeps gRPC's own error, with its metadata, as the context."""
    if not isinstance(error.__context__, grpc.Call):
        return None
    metadata = (*(error.__context__.initial_metadata() or ()), *(error.__context__.trailing_metadata() or ()))
    asked = [retry_after_s(str(value)) for key, value in metadata if key == "retry-after"]
    return asked[0] if asked else None


def _decode(result: Any) -> RawAnswer:
    response = result.get_response()
    outputs = {output.name: output.datatype for output in response.outputs}
    try:
        tensors = {name: result.as_numpy(name).ravel() for name, datatype in outputs.items() if datatype == "UINT8"}
    except (ValueError, TypeError, AttributeError) as error:
        raise ServerFaultError("The server's answer holds a tensor whose size and shape disagree.") from error
    return RawAnswer(
        model_version=response.model_version,
        request_id=response.id,
        tensors=tensors,
        other_outputs=tuple(name for name in outputs if name not in tensors),
    )
