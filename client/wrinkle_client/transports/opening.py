"""The transport that a URL names, for a client that blocks or for one on an event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wrinkle_client.credentials import Credentials
from wrinkle_client.endpoint import Endpoint
from wrinkle_client.limits import Limits
from wrinkle_client.runtime import Runtime
from wrinkle_client.transports.http_exchange import HttpExchange
from wrinkle_client.transports.transport import Transport
from wrinkle_core.errors import InvalidParameterError

if TYPE_CHECKING:
    from wrinkle_client.transports.shared_memory import RegisteringTransport

__all__ = ["open_transport"]


def open_transport(
    endpoint: Endpoint,
    limits: Limits,
    credentials: Credentials,
    runtime: Runtime,
    *,
    asynchronous: bool = False,
    shared_memory: bool = False,
) -> Transport:
    """Return the transport for ``endpoint``; nothing is sent yet.

    tritonclient, gRPC and aiohttp load here and not with the package, and only what this one needs.

    Args:
        endpoint: Where the server is.
        limits: Sizes and counts that are never exceeded.
        credentials: Who asks, and whom to trust.
        runtime: The client's.
        asynchronous: For ``AsyncClient``; else the transport blocks.
        shared_memory: Hand inputs over in memory where the server allows it.

    Raises:
        InvalidParameterError: A certificate or key file cannot be used, or ``shared_memory`` is asked of a server that
            cannot be on this machine or is no Triton.
    """
    if endpoint.protocol == "torchserve":
        if shared_memory:
            raise InvalidParameterError("TorchServe takes nothing through shared memory; leave shared_memory out.")
        from wrinkle_client.transports.torchserve import TorchServeTransport

        exchange = _open_http(endpoint, limits, credentials, asynchronous=asynchronous)
        return TorchServeTransport(endpoint, credentials, exchange)
    if shared_memory and not endpoint.loopback:
        raise InvalidParameterError(f"shared_memory is for a server on this machine; {endpoint.host} is another one.")
    triton = _open_triton(endpoint, limits, credentials, runtime, asynchronous=asynchronous)
    if not shared_memory:
        return triton
    from wrinkle_client.transports.shared_memory import SharedMemoryTransport

    return SharedMemoryTransport(triton, runtime)


def _open_triton(
    endpoint: Endpoint, limits: Limits, credentials: Credentials, runtime: Runtime, *, asynchronous: bool
) -> RegisteringTransport:
    if endpoint.protocol == "grpc":
        from wrinkle_client.transports.grpc_channels import AsyncioChannel, BlockingChannel
        from wrinkle_client.transports.kserve_grpc import GrpcTransport

        channel = AsyncioChannel if asynchronous else BlockingChannel
        return GrpcTransport(endpoint, credentials, channel(endpoint, limits, credentials))
    from wrinkle_client.transports.kserve_http import HttpTransport

    exchange = _open_http(endpoint, limits, credentials, asynchronous=asynchronous)
    return HttpTransport(endpoint, credentials, exchange, runtime)


def _open_http(endpoint: Endpoint, limits: Limits, credentials: Credentials, *, asynchronous: bool) -> HttpExchange:
    tls = credentials.tls_context() if endpoint.secure else None
    if asynchronous:
        from wrinkle_client.transports.http_asyncio import AsyncioHttp

        return AsyncioHttp(endpoint, limits, tls)
    from wrinkle_client.transports.http_blocking import BlockingHttp

    return BlockingHttp(endpoint, limits, tls)
