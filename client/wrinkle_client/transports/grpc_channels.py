"""One gRPC call and its answer: blocking a thread or on an event loop. Both channels may be shared.

Source: channel arguments: gRPC ``grpc_types.h``.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import grpc
import grpc.aio
from tritonclient.grpc import service_pb2_grpc

from wrinkle_client.credentials import Credentials
from wrinkle_client.deadline import CONNECT_LIMIT_S, Deadline
from wrinkle_client.endpoint import Endpoint
from wrinkle_client.event_loop import OwnLoop
from wrinkle_client.failures import closed
from wrinkle_client.limits import Limits

__all__ = ["AsyncioChannel", "BlockingChannel", "GrpcChannel"]

Metadata = tuple[tuple[str, str], ...]


class GrpcChannel(Protocol):
    """A connection to the service ``inference.GRPCInferenceService``."""

    async def call(
        self, method: str, message: Any, deadline: Deadline, metadata: Metadata, compression: grpc.Compression
    ) -> Any:
        """Return the answer to ``message``.

        Raises:
            grpc.RpcError: The call failed.
            DeadlineExceededError: Time is up before the call.
            ServingError: The channel is closed.
        """

    async def close(self) -> None:
        """Close the channel; calls in flight are cancelled."""


class BlockingChannel:
    """``GrpcChannel`` that blocks the calling thread."""

    def __init__(self, endpoint: Endpoint, limits: Limits, credentials: Credentials) -> None:
        options = _channel_arguments(limits)
        self._channel = (
            grpc.secure_channel(endpoint.authority, grpc.ssl_channel_credentials(*credentials.pem()), options)
            if endpoint.secure
            else grpc.insecure_channel(endpoint.authority, options)
        )
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)
        self._closed = False

    async def call(
        self, method: str, message: Any, deadline: Deadline, metadata: Metadata, compression: grpc.Compression
    ) -> Any:
        """Return the answer to ``message``."""
        if self._closed:
            raise closed()
        try:
            return getattr(self._stub, method)(
                message, timeout=deadline.require_s(), metadata=metadata, compression=compression
            )
        except (grpc.RpcError, ValueError) as error:
            # grpc raises ValueError for a channel that another thread has closed since the check above.
            if self._closed:
                raise closed() from error
            raise

    async def close(self) -> None:
        """Close the channel; calls in flight are cancelled."""
        self._closed = True
        self._channel.close()


class AsyncioChannel:
    """``GrpcChannel`` on the event loop of its first use."""

    def __init__(self, endpoint: Endpoint, limits: Limits, credentials: Credentials) -> None:
        self._target = endpoint.authority
        self._options = _channel_arguments(limits)
        self._tls = grpc.ssl_channel_credentials(*credentials.pem()) if endpoint.secure else None
        self._loop = OwnLoop()
        self._channel: grpc.aio.Channel | None = None
        self._stub: Any = None
        self._closed = False

    async def call(
        self, method: str, message: Any, deadline: Deadline, metadata: Metadata, compression: grpc.Compression
    ) -> Any:
        """Return the answer to ``message``."""
        if self._closed:
            raise closed()
        self._loop.require()
        if self._channel is None:
            self._channel = (
                grpc.aio.insecure_channel(self._target, self._options)
                if self._tls is None
                else grpc.aio.secure_channel(self._target, self._tls, self._options)
            )
            self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)
        call = getattr(self._stub, method)(
            message, timeout=deadline.require_s(), metadata=metadata, compression=compression
        )
        try:
            return await call
        except asyncio.CancelledError:
            if self._closed and call.done():  # the channel cancelled the call; nobody cancelled the task
                raise closed() from None
            raise
        except (grpc.RpcError, grpc.aio.UsageError) as error:
            if self._closed:
                raise closed() from error
            raise

    async def close(self) -> None:
        """Close the channel; calls in flight are cancelled."""
        self._closed = True
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()


def _channel_arguments(limits: Limits) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", limits.max_response_bytes),
        # Each client connects for itself: no back-off state inherited from another client of the same address.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1000),
        # Also the longest that a connection may take to be made, and so that one lingers after the channel is closed.
        ("grpc.min_reconnect_backoff_ms", int(1e3 * CONNECT_LIMIT_S)),
        ("grpc.enable_http_proxy", 0),
    ]
