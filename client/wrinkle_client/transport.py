"""What a protocol has to offer, so that the client is the same over gRPC, HTTP and in tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from wrinkle_client.credentials import Credentials
from wrinkle_client.deadline import Deadline
from wrinkle_client.endpoint import Endpoint
from wrinkle_client.limits import Limits
from wrinkle_client.request import SegmentRequest

__all__ = ["RawAnswer", "Transport", "open_transport"]


@dataclass(frozen=True, slots=True, eq=False)
class RawAnswer:
    """An inference answer, before anything in it is trusted.

    Attributes:
        model_version: Version of the ensemble that answered.
        request_id: The id that came back.
        tensors: UINT8 outputs by name, each flat.
        other_outputs: Names of outputs of another datatype.
    """

    model_version: str
    request_id: str
    tensors: Mapping[str, NDArray[np.uint8]]
    other_outputs: tuple[str, ...] = ()


class Transport(Protocol):
    """One connection, or pool of them, to one server; safe to share between threads.

    Every method keeps within the deadline and raises only errors of ``wrinkle_core.errors``. None retries.
    """

    def infer(self, request: SegmentRequest, deadline: Deadline) -> RawAnswer:
        """Run the ensemble that ``request`` names."""

    def server_live(self, deadline: Deadline) -> bool:
        """Return whether the server says that it is up."""

    def server_ready(self, deadline: Deadline) -> bool:
        """Return whether the server says that all its models are ready."""

    def model_ready(self, model_name: str, deadline: Deadline) -> bool:
        """Return whether the Triton model is loaded; False when the server does not know it."""

    def model_versions(self, model_name: str, deadline: Deadline) -> tuple[str, ...]:
        """Return the versions of a Triton model."""

    def close(self) -> None:
        """Let go of every connection; later calls raise ServingError."""


def open_transport(endpoint: Endpoint, limits: Limits, credentials: Credentials) -> Transport:
    """Return the transport for ``endpoint``; nothing is sent yet.

    tritonclient loads here and not with the package: it brings gevent or gRPC along.

    Raises:
        InvalidParameterError: A certificate or key file cannot be used.
    """
    if endpoint.protocol == "grpc":
        from wrinkle_client.grpc_transport import GrpcTransport

        return GrpcTransport(endpoint, limits, credentials)
    from wrinkle_client.http_transport import HttpTransport

    return HttpTransport(endpoint, limits, credentials)
