"""A collector that takes OTLP over HTTP and keeps the spans: JSON, as Triton sends it, or protobuf, as Envoy does."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

__all__ = ["CollectedSpan", "Collector", "collecting"]

MAX_BODY_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class CollectedSpan:
    """One span as a server exported it; ids in hexadecimal."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, Any]
    events: tuple[str, ...]
    start_ns: int
    end_ns: int


@dataclass
class Collector:
    """What arrived so far."""

    endpoint: str = ""
    bodies: list[bytes] = field(default_factory=list)
    spans: list[CollectedSpan] = field(default_factory=list)

    def trace(self, trace_id: str) -> list[CollectedSpan]:
        """Return the spans of one trace."""
        return [span for span in list(self.spans) if span.trace_id == trace_id]

    def came(self, enough: Callable[[], bool], timeout_s: float = 10.0) -> bool:
        """Return True once ``enough`` holds, False after ``timeout_s``."""
        ends = time.monotonic() + timeout_s
        while not enough():
            if time.monotonic() > ends:
                return False
            time.sleep(0.05)
        return True

    async def take(self, request: web.Request) -> web.Response:
        """Keep what one export holds."""
        body = await request.read()
        exported = json.loads(body) if request.content_type == "application/json" else _from_protobuf(body)
        self.bodies.append(body)
        for resource in exported["resourceSpans"]:
            service = str(_attributes(resource["resource"]).get("service.name", ""))
            self.spans += [_span(service, span) for scope in resource["scopeSpans"] for span in scope["spans"]]
        return web.json_response({})


@contextmanager
def collecting() -> Iterator[Collector]:
    """Listen on a free port of this machine for as long as the block runs."""
    collector = Collector()
    loop = asyncio.new_event_loop()
    application = web.Application(client_max_size=MAX_BODY_BYTES)
    application.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)

    async def start() -> None:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        collector.endpoint = f"http://127.0.0.1:{runner.addresses[0][1]}"

    loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever, name="otlp-collector", daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def _from_protobuf(body: bytes) -> dict[str, Any]:
    """Return an export in the layout of OTLP's JSON, where ids are hexadecimal and not base64."""
    message = ExportTraceServiceRequest.FromString(body)
    exported = MessageToDict(message)
    for resource, resource_message in zip(exported["resourceSpans"], message.resource_spans, strict=True):
        for scope, scope_message in zip(resource["scopeSpans"], resource_message.scope_spans, strict=True):
            for span, span_message in zip(scope["spans"], scope_message.spans, strict=True):
                span["traceId"], span["spanId"] = span_message.trace_id.hex(), span_message.span_id.hex()
                span["parentSpanId"] = span_message.parent_span_id.hex()
    return exported


def _attributes(holder: dict[str, Any]) -> dict[str, Any]:
    return {one["key"]: next(iter(one["value"].values()), None) for one in holder.get("attributes", [])}


def _span(service: str, span: dict[str, Any]) -> CollectedSpan:
    return CollectedSpan(
        service,
        span["name"],
        span["traceId"],
        span["spanId"],
        span.get("parentSpanId", ""),
        _attributes(span),
        tuple(event["name"] for event in span.get("events", [])),
        int(span["startTimeUnixNano"]),
        int(span["endTimeUnixNano"]),
    )
