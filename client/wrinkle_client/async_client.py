"""The client on an event loop: the same surface as ``Client``, awaited."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from wrinkle_client.asyncio_runtime import AsyncioRuntime
from wrinkle_client.credentials import Credentials
from wrinkle_client.endpoint import DEFAULT_URL, Endpoint
from wrinkle_client.limits import Limits
from wrinkle_client.photo import Photo
from wrinkle_client.request import Prepare
from wrinkle_client.result import SegmentationResult
from wrinkle_client.retry import RetryPolicy
from wrinkle_client.segment_many import OnError, SegmentOutcome
from wrinkle_client.segment_many_async import segment_many_async
from wrinkle_client.server_state import Health, ModelInfo, ServerInfo
from wrinkle_client.session import Session
from wrinkle_client.transports.messages import Compression
from wrinkle_client.transports.opening import open_transport
from wrinkle_client.transports.transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from wrinkle_client.segment_many import SegmentOptions

__all__ = ["AsyncClient"]


class AsyncClient:
    """A connection to one server, safe to share between the tasks of one asyncio event loop: that of its first call.

    Opening one sends nothing. Use it as an asynchronous context manager, or await ``close``. Preparing and decoding
    run on a few threads of the client's own, so that the loop stays responsive.

    Example:
        >>> async with AsyncClient() as client:  # doctest: +SKIP
        ...     result = await client.segment("face.jpg")
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        token: str | None = None,
        ca_file: str | Path | None = None,
        client_certificate: tuple[str | Path, str | Path] | None = None,
        prepare: Prepare = "server",
        compression: Compression = "none",
        shared_memory: bool = False,
        retry: RetryPolicy | None = None,
        limits: Limits | None = None,
        transport: Transport | None = None,
    ) -> None:
        """Set up; the first call connects.

        Args:
            url: As for ``Client``, like all that follows.
            token: Bearer token for a gateway.
            ca_file: PEM file of the authorities that may have signed the server's certificate.
            client_certificate: PEM files of this client's certificate and its private key.
            prepare: ``server`` or ``client``.
            compression: Of what is sent: ``none``, ``gzip`` or ``deflate``.
            shared_memory: Hand photographs over in memory where the server allows it.
            retry: How often and how patiently failed calls are repeated.
            limits: Sizes and counts that are never exceeded.
            transport: Replaces the one that ``url`` names, for tests without a server.

        Raises:
            InvalidParameterError: As for ``Client``.
        """
        endpoint = Endpoint.parse(url)
        limits = limits or Limits()
        credentials = Credentials.of(token, ca_file, client_certificate)
        credentials.check(endpoint)
        self._prepare: Prepare = prepare
        self._compression: Compression = compression
        runtime = AsyncioRuntime()
        self._session = Session(
            endpoint,
            transport
            or open_transport(endpoint, limits, credentials, runtime, asynchronous=True, shared_memory=shared_memory),
            runtime,
            retry or RetryPolicy(),
            limits,
        )

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncClient({self.url!r})"

    @property
    def url(self) -> str:
        """The server's URL with its port."""
        return self._session.url

    async def close(self) -> None:
        """Let go of every connection and thread; calls in flight end with ServingError, as later ones do.

        With ``shared_memory`` it waits up to 5 s for photographs that the server still reads.
        """
        await self._session.close()

    async def segment(
        self,
        photo: Photo,
        *,
        model: str = "unetpp",
        model_version: str | None = None,
        threshold: float | None = None,
        probability: bool = False,
        skin_mask: bool = False,
        geometry: bool = False,
        prepare: Prepare | None = None,
        compression: Compression | None = None,
        timeout_s: float = 30.0,
        request_id: str | None = None,
    ) -> SegmentationResult:
        """Segment the largest face of one photograph; arguments, result and errors are those of ``Client.segment``.

        Cancelling the task ends the call and gives up its connection.

        Raises:
            ServingError: Also when the client is used on another event loop than before.
        """
        return await self._session.segment(
            photo,
            model=model,
            model_version=model_version,
            threshold=threshold,
            probability=probability,
            skin_mask=skin_mask,
            geometry=geometry,
            prepare=prepare or self._prepare,
            compression=compression or self._compression,
            timeout_s=timeout_s,
            request_id=request_id,
        )

    def segment_many(
        self,
        photos: Iterable[Photo] | AsyncIterable[Photo],
        *,
        concurrency: int = 4,
        ordered: bool = True,
        on_error: OnError = "yield",
        **options: Unpack[SegmentOptions],
    ) -> AsyncGenerator[SegmentOutcome, None]:
        """Segment many photographs, several at a time; as ``Client.segment_many``, for ``async for``.

        ``photos`` may be asynchronous too. Awaiting ``aclose`` of the generator cancels what is in flight; a loop that
        is left early does so only when the generator is collected: wrap it in ``contextlib.aclosing``.

        Args:
            photos: Any iterable, even an endless one.
            concurrency: Calls in flight at once, 1 to 256.
            ordered: Yield in the order of ``photos``; else as they are done.
            on_error: ``yield`` failures as outcomes with their ``error``, or ``raise`` the first.
            options: As for ``segment``; ``timeout_s`` is per photograph.

        Raises:
            InvalidParameterError: ``concurrency`` or ``on_error`` cannot be.
        """
        return segment_many_async(
            lambda photo: self.segment(photo, **options),
            photos,
            concurrency=concurrency,
            ordered=ordered,
            on_error=on_error,
        )

    async def health(self, *, timeout_s: float = 5.0) -> Health:
        """Ask once whether the server is up and ready; as ``Client.health``."""
        return await self._session.health(timeout_s=timeout_s)

    async def models(self, *, timeout_s: float = 5.0) -> tuple[ModelInfo, ...]:
        """Return every segmenter of the contract with its state on this server; as ``Client.models``."""
        return await self._session.models(timeout_s=timeout_s)

    async def server_info(self, *, timeout_s: float = 5.0) -> ServerInfo:
        """Return name, version, extensions and contract version of the server; as ``Client.server_info``."""
        return await self._session.server_info(timeout_s=timeout_s)

    async def wait_ready(self, timeout_s: float = 60.0, *, models: tuple[str, ...] | None = None) -> None:
        """Wait until the server can run ``models``, or all that it serves; as ``Client.wait_ready``."""
        await self._session.wait_ready(timeout_s, models=models)
