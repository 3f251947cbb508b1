"""The synchronous client: photograph in, ``SegmentationResult`` out.

All it does itself is order the steps: read the photograph, make the request, send it with retries within the deadline,
decode the answer. Each step is a function of its own: an asynchronous client can share them all but the transport.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Final

from wrinkle_client.answer import decode_answer
from wrinkle_client.credentials import Credentials
from wrinkle_client.deadline import Deadline
from wrinkle_client.endpoint import DEFAULT_URL, Endpoint
from wrinkle_client.limits import Limits
from wrinkle_client.photo import Photo, read_photo
from wrinkle_client.request import SegmentRequest
from wrinkle_client.result import SegmentationResult, Timings
from wrinkle_client.retry import RetryPolicy, call_with_retries
from wrinkle_client.server_state import Health, ModelInfo
from wrinkle_client.tracing import open_tracer
from wrinkle_client.transport import RawAnswer, Transport, open_transport
from wrinkle_core import contract
from wrinkle_core.errors import DeadlineExceededError, ModelNotReadyError, ServerUnreachableError

__all__ = ["Client"]

_POLL_S: Final = 0.1
_PROBE_LIMIT_S: Final = 2.0


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
        retry: RetryPolicy | None = None,
        limits: Limits | None = None,
        transport: Transport | None = None,
    ) -> None:
        """Set up; the first call connects.

        Args:
            url: ``http://``, ``https://``, ``grpc://`` or ``grpcs://``, host, optional port; see ``endpoint.py``.
            token: Bearer token for a gateway; only over TLS or to this machine.
            ca_file: PEM file of the authorities that may have signed the server's certificate; the system's by default.
            client_certificate: PEM files of this client's certificate and its private key, for mutual TLS.
            retry: How often and how patiently failed calls are repeated.
            limits: Sizes and counts that are never exceeded.
            transport: Replaces the one that ``url`` names, for tests without a server.

        Raises:
            InvalidParameterError: The URL names no protocol or host; a token is malformed or would travel unencrypted;
                a certificate or key cannot be used.
        """
        self._endpoint = Endpoint.parse(url)
        self._limits = limits or Limits()
        self._retry = retry or RetryPolicy()
        certificate, key = client_certificate or (None, None)
        credentials = Credentials(
            token,
            None if ca_file is None else Path(ca_file),
            None if certificate is None else Path(certificate),
            None if key is None else Path(key),
        )
        credentials.check(self._endpoint)
        self._transport = transport or open_transport(self._endpoint, self._limits, credentials)
        self._tracer = open_tracer(self._endpoint)
        self._answered_before = False

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
        return self._endpoint.url

    def close(self) -> None:
        """Let go of every connection; later calls raise ServingError."""
        self._transport.close()

    def segment(
        self,
        photo: Photo,
        *,
        model: str = "unetpp",
        threshold: float | None = None,
        probability: bool = False,
        timeout_s: float = 30.0,
        request_id: str | None = None,
    ) -> SegmentationResult:
        """Segment the largest face of one photograph.

        Args:
            photo: Encoded image file (JPEG, PNG, WebP, BMP, TIFF), or its path.
            model: ``unetpp`` or ``unet_texture``.
            threshold: Probability in [0, 1] at and above which a pixel is a wrinkle; None takes the model's own.
            probability: Also return the probability map.
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
            ContractError: Client and server are of different contract versions.
            ServerFaultError: The server failed, or its answer is damaged.
            ServingError: The client is closed.
        """
        started_s = time.perf_counter()
        deadline = Deadline.after(timeout_s)
        encoded = read_photo(photo, max_encoded_bytes=self._limits.max_encoded_bytes)
        request = SegmentRequest.create(
            encoded, model=model, threshold=threshold, probability=probability, request_id=request_id
        )
        sent_s = time.perf_counter()
        answer, attempts = self._infer(request, deadline)
        answered_s = time.perf_counter()
        decoded = decode_answer(answer, request, max_pixels=self._limits.max_pixels)
        ended_s = time.perf_counter()
        return SegmentationResult(
            mask=decoded.mask,
            probability=decoded.probability,
            report=decoded.report,
            model=request.segmenter,
            model_version=answer.model_version,
            request_id=request.request_id,
            timings=Timings(ended_s - started_s, answered_s - sent_s, ended_s - answered_s, attempts),
            photo=encoded,
        )

    def health(self, *, timeout_s: float = 5.0) -> Health:
        """Ask once whether the server is up and ready; a server that cannot be reached is neither.

        Raises:
            InvalidParameterError: ``timeout_s`` is not in (0, 3600].
            ServingError: The client is closed, or what answers is no Triton server.
        """
        deadline = Deadline.after(timeout_s)
        try:
            live = self._transport.server_live(deadline)
            return Health(live=live, ready=live and self._transport.server_ready(deadline))
        except (ServerUnreachableError, DeadlineExceededError):
            return Health(live=False, ready=False)

    def models(self, *, timeout_s: float = 5.0) -> tuple[ModelInfo, ...]:
        """Return every segmenter of the contract with its state on this server.

        Raises:
            ServerUnreachableError: Nothing answers.
            DeadlineExceededError: No answer within ``timeout_s``.
        """
        deadline = Deadline.after(timeout_s)
        return tuple(self._model_info(spec, deadline) for spec in contract.SEGMENTERS)

    def wait_ready(self, timeout_s: float = 60.0, *, models: tuple[str, ...] = ("unetpp", "unet_texture")) -> None:
        """Wait until the server can run ``models``.

        Raises:
            ServerUnreachableError: Nothing answered until ``timeout_s`` was over.
            ModelNotReadyError: The server answered, but a model was not ready by then.
            InvalidParameterError: Unknown model, or ``timeout_s`` not in (0, 3600].
        """
        deadline = Deadline.after(timeout_s)
        waiting = [contract.segmenter(name) for name in models]
        while True:
            probe = Deadline.after(max(0.001, min(_PROBE_LIMIT_S, deadline.remaining_s())))
            problem: ServerUnreachableError | DeadlineExceededError | ModelNotReadyError
            try:
                waiting = [spec for spec in waiting if not self._transport.model_ready(spec.ensemble, probe)]
                self._answered_before = True
                if not waiting:
                    return
                names = ", ".join(spec.name for spec in waiting)
                problem = ModelNotReadyError(f"Not ready within {timeout_s:g} s: {names}. The server's log says why.")
            except (ServerUnreachableError, DeadlineExceededError) as error:
                problem = error
            if deadline.remaining_s() <= _POLL_S:
                raise problem
            time.sleep(_POLL_S)

    def _infer(self, request: SegmentRequest, deadline: Deadline) -> tuple[RawAnswer, int]:
        """Send a request, with retries, inside one span."""
        with self._tracer.call(request) as span:
            traced = replace(request, trace_context=span.trace_context)
            answer, attempts = call_with_retries(
                lambda: self._transport.infer(traced, deadline),
                self._retry,
                deadline,
                answered_before=self._answered_before,
                on_retry=span.retried,
            )
            span.answered(
                model_version=answer.model_version,
                attempts=attempts,
                answer_bytes=sum(tensor.nbytes for tensor in answer.tensors.values()),
            )
        self._answered_before = True
        return answer, attempts

    def _model_info(self, spec: contract.SegmenterContract, deadline: Deadline) -> ModelInfo:
        ready = self._transport.model_ready(spec.ensemble, deadline)
        self._answered_before = True
        versions = self._transport.model_versions(spec.ensemble, deadline) if ready else ()
        return ModelInfo(spec.name, ready, versions, spec.default_threshold)
