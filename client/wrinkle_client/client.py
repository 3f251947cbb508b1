"""The client that blocks the calling thread: photograph in, ``SegmentationResult`` out."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from wrinkle_client.credentials import Credentials
from wrinkle_client.endpoint import DEFAULT_URL, Endpoint
from wrinkle_client.limits import Limits
from wrinkle_client.photo import Photo
from wrinkle_client.request import Prepare
from wrinkle_client.result import SegmentationResult
from wrinkle_client.retry import RetryPolicy
from wrinkle_client.runtime import BlockingRuntime, run_now
from wrinkle_client.segment_many import OnError, SegmentOutcome, segment_many
from wrinkle_client.server_state import Health, ModelInfo, ServerInfo
from wrinkle_client.session import Session
from wrinkle_client.transports.messages import Compression
from wrinkle_client.transports.opening import open_transport
from wrinkle_client.transports.transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from wrinkle_client.segment_many import SegmentOptions

__all__ = ["Client"]


class Client:
    """A connection to one server, safe to share between threads.

    Opening one sends nothing. Use it as a context manager, or call ``close``.

    Example:
        >>> with Client() as client:  # doctest: +SKIP
        ...     result = client.segment("face.jpg")
        ...     result.save("out", "face")
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
            url: ``http(s)://``, ``grpc(s)://`` or ``torchserve(s)://``, host, optional port; see ``endpoint.py``.
            token: Bearer token for a gateway; only over TLS or to this machine.
            ca_file: PEM file of the authorities that may have signed the server's certificate; the system's by default.
            client_certificate: PEM files of this client's certificate and its private key, for mutual TLS.
            prepare: ``server``, or ``client`` to find the face and cut the mask here: the photograph stays on this
                machine and the server runs the network alone. Needs the extra ``prepare``. The masks are the same.
            compression: Of what is sent: ``none``, ``gzip`` or ``deflate``. Photographs hardly shrink, inputs prepared
                here do. The gateway refuses it, and Triton 2.51 leaks the memory of gzip bodies over HTTP.
            shared_memory: Hand photographs over in memory to a server on this machine, where it allows that; where it
                does not, as ``wrinkle serve`` by default, say so once in the log and send them.
            retry: How often and how patiently failed calls are repeated.
            limits: Sizes and counts that are never exceeded.
            transport: Replaces the one that ``url`` names, for tests without a server.

        Raises:
            InvalidParameterError: The URL names no protocol or host; a token is malformed or would travel unencrypted;
                a certificate or key cannot be used; ``shared_memory`` is asked of another machine.
        """
        endpoint = Endpoint.parse(url)
        limits = limits or Limits()
        credentials = Credentials.of(token, ca_file, client_certificate)
        credentials.check(endpoint)
        self._prepare: Prepare = prepare
        self._compression: Compression = compression
        runtime = BlockingRuntime()
        self._session = Session(
            endpoint,
            transport or open_transport(endpoint, limits, credentials, runtime, shared_memory=shared_memory),
            runtime,
            retry or RetryPolicy(),
            limits,
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    @property
    def url(self) -> str:
        """The server's URL with its port."""
        return self._session.url

    def close(self) -> None:
        """Let go of every connection; later calls raise ServingError.

        With ``shared_memory`` it waits up to 5 s for photographs that the server still reads.
        """
        run_now(self._session.close())

    def segment(
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
        """Segment the largest face of one photograph.

        Args:
            photo: Image file (JPEG, PNG, WebP, BMP, TIFF) as bytes, path or open file; or pixels as a Pillow image or
                an array of (H, W, 3) RGB or (H, W) grey uint8, sent as PNG; or a ``RemotePhoto``.
            model: ``unetpp`` or ``unet_texture``.
            model_version: Version of the model, a whole number as text; None takes the server's choice.
            threshold: Probability in [0, 1] at and above which a pixel is a wrinkle; None takes the model's own.
            probability: Also return the probability map.
            skin_mask: Also return the mask of what may be marked.
            geometry: Also return the landmarks and the alignment.
            prepare: ``server`` or ``client``; None takes the client's own setting.
            compression: ``none``, ``gzip`` or ``deflate``; None takes the client's own setting.
            timeout_s: Limit of the whole call, retries included; in (0, 3600].
            request_id: Name of the call in the server's log; a random one by default.

        Returns:
            Mask and figures in the pixels of the upright photograph.

        Raises:
            InvalidImageError: No such file, or not an image the server reads; its subclasses say which.
            ImageTooLargeError: Too many bytes or pixels.
            NoFaceError: No face was found.
            InvalidParameterError: An option is unknown or out of range.
            ServerUnreachableError: Nothing answers; the message says how to start a server.
            ModelNotReadyError: The model is still loading.
            ModelNotFoundError: The server does not serve the model.
            OverloadedError: The server's queue stayed full, or the gateway's rate limit was reached.
            UnauthorizedError: The gateway does not accept the token or certificate.
            DeadlineExceededError: No answer within ``timeout_s``.
            ContractError: Client and server are of different contract versions, or the gateway refuses ``compression``.
            MissingExtraError: ``prepare="client"`` without the extra ``prepare``.
            ServerFaultError: The server failed, or its answer is damaged.
            ServingError: The client is closed.
        """
        return run_now(
            self._session.segment(
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
        )

    def segment_many(
        self,
        photos: Iterable[Photo],
        *,
        concurrency: int = 4,
        ordered: bool = True,
        on_error: OnError = "yield",
        **options: Unpack[SegmentOptions],
    ) -> Generator[SegmentOutcome, None, None]:
        """Segment many photographs, several at a time; one that fails does not end the others.

        ``photos`` is read as results are taken: at most twice ``concurrency`` photographs are ahead of the caller.
        Closing the iterator early, or leaving a ``for`` loop over it, starts no more and waits for those in flight.

        Args:
            photos: Any iterable, even an endless one.
            concurrency: Calls in flight at once, 1 to 256.
            ordered: Yield in the order of ``photos``; else as they are done.
            on_error: ``yield`` failures as outcomes with their ``error``, or ``raise`` the first.
            options: As for ``segment``; ``timeout_s`` is per photograph.

        Yields:
            One outcome per photograph.

        Raises:
            InvalidParameterError: ``concurrency`` or ``on_error`` cannot be.
        """
        return segment_many(
            lambda photo: self.segment(photo, **options),
            photos,
            concurrency=concurrency,
            ordered=ordered,
            on_error=on_error,
        )

    def health(self, *, timeout_s: float = 5.0) -> Health:
        """Ask once whether the server is up and ready; a server that cannot be reached is neither.

        Raises:
            InvalidParameterError: ``timeout_s`` is not in (0, 3600].
            ServingError: The client is closed, or what answers is no Triton server.
        """
        return run_now(self._session.health(timeout_s=timeout_s))

    def models(self, *, timeout_s: float = 5.0) -> tuple[ModelInfo, ...]:
        """Return every segmenter of the contract with its state on this server.

        Raises:
            ServerUnreachableError: Nothing answers.
            DeadlineExceededError: No answer within ``timeout_s``.
        """
        return run_now(self._session.models(timeout_s=timeout_s))

    def server_info(self, *, timeout_s: float = 5.0) -> ServerInfo:
        """Return name, version, extensions and contract version of the server, or of the gateway before it.

        Raises:
            ServerUnreachableError: Nothing answers.
            DeadlineExceededError: No answer within ``timeout_s``.
        """
        return run_now(self._session.server_info(timeout_s=timeout_s))

    def wait_ready(self, timeout_s: float = 60.0, *, models: tuple[str, ...] | None = None) -> None:
        """Wait until the server can run ``models``; by default every model that it serves, and there is one.

        Raises:
            ServerUnreachableError: Nothing answered until ``timeout_s`` was over.
            ModelNotReadyError: The server answered, but a model was not ready by then, or is not served.
            InvalidParameterError: Unknown model, or ``timeout_s`` not in (0, 3600].
            ContractError: The server is of another contract version.
        """
        run_now(self._session.wait_ready(timeout_s, models=models))
