"""The client's OpenTelemetry spans, kept in memory.

A process has one tracer provider. This one samples nothing by itself, so that all other tests run untraced; a test asks
for spans by calling within ``sampled()``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased

__all__ = ["hex_id", "sampled"]


@cache
def _exporter() -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(sampler=ParentBased(ALWAYS_OFF), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


@contextmanager
def sampled() -> Iterator[list[ReadableSpan]]:
    """Run the block as part of a sampled trace; the list holds its finished spans once the block has ended."""
    exporter = _exporter()
    ids = RandomIdGenerator()
    caller = trace.SpanContext(
        ids.generate_trace_id(), ids.generate_span_id(), True, trace.TraceFlags(trace.TraceFlags.SAMPLED)
    )
    spans: list[ReadableSpan] = []
    with trace.use_span(trace.NonRecordingSpan(caller)):
        try:
            yield spans
        finally:
            spans += [span for span in exporter.get_finished_spans() if span.context.trace_id == caller.trace_id]


def hex_id(span: ReadableSpan) -> tuple[str, str]:
    """Return trace id and span id as they stand in ``traceparent``."""
    return trace.format_trace_id(span.context.trace_id), trace.format_span_id(span.context.span_id)
