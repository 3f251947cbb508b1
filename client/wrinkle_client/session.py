"""Everything a client does but the way it waits: the same coroutines for ``Client`` and ``AsyncClient``.

A call is: read the photograph, prepare it here if asked, send with retries within the deadline, decode the answer.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from wrinkle_client.answer import decode_answer
from wrinkle_client.client_preparation import ClientPreparation
from wrinkle_client.deadline import Deadline
from wrinkle_client.endpoint import Endpoint
from wrinkle_client.inputs.remote_photo import RemotePhoto
from wrinkle_client.limits import Limits
from wrinkle_client.photo import Photo, read_photo
from wrinkle_client.request import Prepare, SegmentRequest
from wrinkle_client.result import SegmentationResult, Timings
from wrinkle_client.retry import RetryPolicy, call_with_retries
from wrinkle_client.runtime import Runtime
from wrinkle_client.server_state import Health, ModelInfo, ServerInfo
from wrinkle_client.tracing import open_tracer
from wrinkle_client.transports.messages import Compression, InferenceRequest, RawAnswer
from wrinkle_client.transports.transport import Transport
from wrinkle_core import contract
from wrinkle_core.contract_version import require_contract_version
from wrinkle_core.errors import (
    ContractError,
    DeadlineExceededError,
    InvalidParameterError,
    ModelNotReadyError,
    ServerUnreachableError,
    ServingError,
)

__all__ = ["Session"]

_Made = TypeVar("_Made")
_POLL_S: Final = 0.1
_PROBE_LIMIT_S: Final = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class _Answered:
    """An answer in an ensemble's form, and how long it took to get."""

    answer: RawAnswer
    attempts: int
    request_s: float


class Session:
    """What one client knows of one server."""

    def __init__(
        self, endpoint: Endpoint, transport: Transport, runtime: Runtime, retry: RetryPolicy, limits: Limits
    ) -> None:
        self._endpoint = endpoint
        self._transport = transport
        self._runtime = runtime
        self._retry = retry
        self._limits = limits
        self._tracer = open_tracer(endpoint)
        self._preparation = ClientPreparation(limits)
        self._answered_before = False
        self._contract_checked = False

    @property
    def url(self) -> str:
        """The server's URL with its port."""
        return self._endpoint.url

    async def close(self) -> None:
        """Let go of every connection and thread."""
        self._runtime.close()
        await self._transport.close()

    async def segment(
        self,
        photo: Photo,
        *,
        model: str,
        model_version: str | None,
        threshold: float | None,
        probability: bool,
        skin_mask: bool,
        geometry: bool,
        prepare: Prepare,
        compression: Compression,
        timeout_s: float,
        request_id: str | None,
    ) -> SegmentationResult:
        """Segment one photograph; see ``Client.segment``."""
        started_s = time.perf_counter()
        deadline = Deadline.after(timeout_s)
        encoded = await self._runtime.compute(
            lambda: read_photo(photo, max_encoded_bytes=self._limits.max_encoded_bytes, deadline=deadline),
            deadline,
            waits=isinstance(photo, RemotePhoto) or hasattr(photo, "read"),
        )
        request = SegmentRequest.create(
            encoded,
            model=model,
            model_version=model_version,
            threshold=threshold,
            probability=probability,
            skin_mask=skin_mask,
            geometry=geometry,
            prepare=prepare,
            compression=compression,
            request_id=request_id,
        )
        got = await (self._answered_here if prepare == "client" else self._answered_there)(request, deadline)
        decoding_s = time.perf_counter()
        decoded = await self._runtime.compute(
            lambda: decode_answer(got.answer, request, max_pixels=self._limits.max_pixels), deadline
        )
        self._contract_checked = True
        ended_s = time.perf_counter()
        return SegmentationResult(
            mask=decoded.mask,
            probability=decoded.probability,
            report=decoded.report,
            model=request.segmenter,
            model_version=got.answer.model_version,
            request_id=request.request_id,
            timings=Timings(ended_s - started_s, got.request_s, ended_s - decoding_s, got.attempts),
            skin_mask=decoded.skin_mask,
            geometry=decoded.geometry,
            photo=encoded,
        )

    async def health(self, *, timeout_s: float) -> Health:
        """Ask once whether the server is up and ready; see ``Client.health``."""
        deadline = Deadline.after(timeout_s)
        try:
            live = await self._transport.server_live(deadline)
            return Health(live=live, ready=live and await self._transport.server_ready(deadline))
        except (ServerUnreachableError, DeadlineExceededError):
            return Health(live=False, ready=False)

    async def models(self, *, timeout_s: float) -> tuple[ModelInfo, ...]:
        """Return every segmenter of the contract; see ``Client.models``."""
        deadline = Deadline.after(timeout_s)
        found = []
        for spec in contract.SEGMENTERS:
            ready = await self._transport.model_ready(spec.ensemble, deadline)
            self._answered_before = True
            versions = await self._transport.model_versions(spec.ensemble, deadline) if ready else ()
            found.append(ModelInfo(spec.name, ready, versions, spec.default_threshold))
        return tuple(found)

    async def server_info(self, *, timeout_s: float) -> ServerInfo:
        """Return what the server says of itself; see ``Client.server_info``."""
        info = await self._transport.server_info(Deadline.after(timeout_s))
        self._answered_before = True
        return info

    async def wait_ready(self, timeout_s: float, *, models: tuple[str, ...] | None) -> None:
        """Wait until the server can run ``models``, or all that it serves; see ``Client.wait_ready``."""
        deadline = Deadline.after(timeout_s)
        wanted = None if models is None else [contract.segmenter(name) for name in models]
        while True:
            probe = Deadline.after(max(0.001, min(_PROBE_LIMIT_S, deadline.remaining_s())))
            problem: ServingError
            try:
                missing = await self._missing(wanted, probe)
                self._answered_before = True
                if not missing:
                    await self._require_contract(deadline)
                    return
                problem = ModelNotReadyError(f"Not ready within {timeout_s:g} s: {missing}. The server's log says why.")
            except ServingError as error:
                if not error.retryable and not isinstance(error, DeadlineExceededError):
                    raise
                problem = error
            if deadline.remaining_s() <= _POLL_S:
                raise problem
            await self._runtime.sleep(_POLL_S)

    async def _missing(self, wanted: list[contract.SegmenterContract] | None, deadline: Deadline) -> str:
        """Return in words what is not ready; empty when ``wanted`` is, None being all that the server serves."""
        asked = contract.SEGMENTERS if wanted is None else wanted
        missing = [spec.name for spec in asked if not await self._transport.model_ready(spec.ensemble, deadline)]
        if wanted is not None or len(missing) == len(asked):
            return ", ".join(missing)
        return "" if await self._transport.server_ready(deadline) else "the server, which has models still to load"

    async def _answered_there(self, request: SegmentRequest, deadline: Deadline) -> _Answered:
        """Have the server do it all."""
        sent_s = time.perf_counter()
        answer, attempts = await self._infer(request.to_ensemble(), len(request.encoded), deadline)
        return _Answered(answer, attempts, time.perf_counter() - sent_s)

    async def _answered_here(self, request: SegmentRequest, deadline: Deadline) -> _Answered:
        """Prepare and finish here; the server runs the network alone, whose answer holds no report to tell versions."""
        await self._call(lambda: self._require_contract(deadline), deadline, on_retry=lambda error: None)
        prepared = await self._runtime.compute(lambda: self._preparation.prepare(request, deadline), deadline)
        sent_s = time.perf_counter()
        answer, attempts = await self._infer(
            request.to_segmenter(prepared.network_input), len(request.encoded), deadline
        )
        request_s = time.perf_counter() - sent_s
        finished = await self._runtime.compute(lambda: self._preparation.finish(answer, prepared, request), deadline)
        return _Answered(finished, attempts, request_s)

    async def _infer(self, request: InferenceRequest, photo_bytes: int, deadline: Deadline) -> tuple[RawAnswer, int]:
        """Send a request, with retries, inside one span."""
        with self._tracer.call(request, photo_bytes=photo_bytes) as span:
            traced = replace(request, headers={**request.headers, **dict(span.trace_context)})
            try:
                answer, attempts = await self._call(
                    lambda: self._transport.infer(traced, deadline), deadline, on_retry=span.retried
                )
            except (ContractError, InvalidParameterError):
                # What this client checked and the server does not take: of another contract version, most likely.
                with suppress(ServingError):  # then the server's own words say more
                    await self._require_contract(deadline)
                raise
            span.answered(
                model_version=answer.model_version,
                attempts=attempts,
                answer_bytes=sum(tensor.nbytes for tensor in answer.tensors.values()),
            )
        self._answered_before = True
        return answer, attempts

    async def _call(
        self, call: Callable[[], Awaitable[_Made]], deadline: Deadline, *, on_retry: Callable[[ServingError], None]
    ) -> tuple[_Made, int]:
        return await call_with_retries(
            call, self._retry, deadline, self._runtime, answered_before=self._answered_before, on_retry=on_retry
        )

    async def _require_contract(self, deadline: Deadline) -> None:
        """Compare contract versions once, where the server tells its own; every answer's report tells it too.

        Raises:
            ContractError: The server speaks another version; the message says which side is older.
        """
        if self._contract_checked:
            return
        info = await self._transport.server_info(deadline)
        if info.contract_version is not None:
            require_contract_version(info.contract_version, of="The server", here="this client")
        self._contract_checked = True
