"""One OpenTelemetry CLIENT span per call, where ``opentelemetry-api`` is installed (extra ``otel``); else nothing.

The span covers every try of a call; each retry is an event. Its trace context goes to the server as the W3C headers
``traceparent`` and ``tracestate``, and only when the span is sampled: Triton 2.51 traces whatever carries the header,
its sampled flag or not. No other propagator is used, so baggage never leaves.

Attributes are names, sizes and codes: no file names, no image content, no messages of errors.

Source: OpenTelemetry semantic conventions 1.39, HTTP and RPC client spans; triton-inference-server/server issue 8474.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Protocol

from wrinkle_client.endpoint import Endpoint
from wrinkle_client.transports.messages import InferenceRequest
from wrinkle_core.errors import WrinkleError

if TYPE_CHECKING:
    from opentelemetry.trace import Span

__all__ = ["CallSpan", "Tracer", "open_tracer"]

_SCOPE: Final = "wrinkle_client"
_PATHS: Final = {"http": "/v2/models/{model}/infer", "torchserve": "/predictions/{model}"}
_RPC_METHOD: Final = "inference.GRPCInferenceService/ModelInfer"


class CallSpan(Protocol):
    """The span of one call."""

    @property
    def trace_context(self) -> tuple[tuple[str, str], ...]:
        """Headers that make the server's spans children of this one; empty when it is not sampled."""

    def retried(self, error: WrinkleError) -> None:
        """Note that a try failed and another follows."""

    def answered(self, *, model_version: str, attempts: int, answer_bytes: int) -> None:
        """Note what came back."""


class Tracer(Protocol):
    """Makes spans."""

    def call(self, request: InferenceRequest, *, photo_bytes: int) -> AbstractContextManager[CallSpan]:
        """Return the span of one call as a context manager; an error that leaves it is noted by its code."""


def open_tracer(endpoint: Endpoint) -> Tracer:
    """Return the tracer for calls to ``endpoint``."""
    return _OpenTelemetryTracer(endpoint) if _api_is_installed() else _NoTracer()


def _api_is_installed() -> bool:
    try:
        return find_spec("opentelemetry.trace") is not None
    except ModuleNotFoundError:
        return False


class _NoSpan:
    trace_context: tuple[tuple[str, str], ...] = ()

    def retried(self, error: WrinkleError) -> None:
        """Note nothing."""

    def answered(self, *, model_version: str, attempts: int, answer_bytes: int) -> None:
        """Note nothing."""


class _NoTracer:
    @contextmanager
    def call(self, request: InferenceRequest, *, photo_bytes: int) -> Iterator[CallSpan]:
        yield _NoSpan()


class _OpenTelemetryTracer:
    def __init__(self, endpoint: Endpoint) -> None:
        from opentelemetry import trace

        self._tracer = trace.get_tracer(_SCOPE)
        self._kind = trace.SpanKind.CLIENT
        self._error_status = trace.StatusCode.ERROR
        self._endpoint = endpoint

    @contextmanager
    def call(self, request: InferenceRequest, *, photo_bytes: int) -> Iterator[CallSpan]:
        name, attributes = _described(self._endpoint, request, photo_bytes)
        with self._tracer.start_as_current_span(
            name, kind=self._kind, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield _OpenTelemetrySpan(span, self._endpoint.protocol)
            except BaseException as error:
                code = error.code if isinstance(error, WrinkleError) else type(error).__name__
                span.set_attribute("error.type", code)
                span.set_status(self._error_status, code)
                raise


class _OpenTelemetrySpan:
    def __init__(self, span: Span, protocol: str) -> None:
        self._span = span
        self._protocol = protocol

    @property
    def trace_context(self) -> tuple[tuple[str, str], ...]:
        from opentelemetry.trace import set_span_in_context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        if not self._span.get_span_context().trace_flags.sampled:
            return ()
        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier, set_span_in_context(self._span))
        return tuple(carrier.items())

    def retried(self, error: WrinkleError) -> None:
        self._span.add_event("retry", {"error.type": error.code})

    def answered(self, *, model_version: str, attempts: int, answer_bytes: int) -> None:
        status: dict[str, str | int] = (
            {"rpc.response.status_code": "OK"} if self._protocol == "grpc" else {"http.response.status_code": 200}
        )
        self._span.set_attributes(
            {
                **status,
                "wrinkle.model.version": model_version,
                "wrinkle.attempts": attempts,
                "wrinkle.answer.size": answer_bytes,
            }
        )


def _described(
    endpoint: Endpoint, request: InferenceRequest, photo_bytes: int
) -> tuple[str, dict[str, str | int | bool]]:
    """Return name and first attributes of a call's span."""
    attributes: dict[str, str | int | bool] = {
        "server.address": endpoint.host,
        "server.port": endpoint.port,
        "wrinkle.model.name": request.model_name,
        "wrinkle.request.id": request.request_id,
        "wrinkle.photo.size": photo_bytes,
        "wrinkle.probability": bool(request.parameters.get("probability", False)),
    }
    if endpoint.protocol == "grpc":
        return _RPC_METHOD, {"rpc.system.name": "grpc", "rpc.method": _RPC_METHOD, **attributes}
    template = _PATHS[endpoint.protocol]
    named = {
        "http.request.method": "POST",
        "url.full": endpoint.url + template.format(model=request.model_name),
        "url.template": template,
    }
    return f"POST {template}", {**named, **attributes}
