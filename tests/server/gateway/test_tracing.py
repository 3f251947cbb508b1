"""Traces through a real Envoy: spans continue the caller's, and nothing in them names a person or a secret."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from gateway_setup import HttpBackend, send, until
from wrinkle_server.gateway.process import Gateway
from wrinkle_server.triton.ports import free_ports

StartGateway = Callable[..., Gateway]
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def collected() -> Iterator[tuple[int, list[bytes]]]:
    """Return the port of an OTLP collector and what it has received."""
    received: list[bytes] = []
    (port,) = free_ports(1)
    loop, stopped, started = asyncio.new_event_loop(), asyncio.Event(), threading.Event()

    async def collect(request: web.Request) -> web.Response:
        received.append(await request.read())
        return web.Response()

    async def run() -> None:
        app = web.Application()
        app.router.add_post("/v1/traces", collect)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        started.set()
        await stopped.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    assert started.wait(10)
    yield port, received
    loop.call_soon_threadsafe(stopped.set)
    thread.join()
    loop.close()


def test_span_continues_the_callers_trace_and_tells_no_secret(
    start_gateway: StartGateway,
    backend: HttpBackend,
    token_file: Path,
    token: str,
    collected: tuple[int, list[bytes]],
) -> None:
    port, received = collected
    options = {"token_file": token_file, "otlp_endpoint": f"http://127.0.0.1:{port}", "trace_sample_rate": 0.0}
    gateway = start_gateway(backend, **options)
    send(
        gateway.options.port,
        "POST",
        "/v2/models/wrinkle_unetpp/infer",
        body=b"photo-bytes",
        authorization=f"Bearer {token}",
        user_agent="browser-of-jane",
        traceparent=f"00-{TRACE}-{PARENT}-01",
    )
    send(
        gateway.options.port,
        "GET",
        "/v2/secret?name=jane",
        authorization=f"Bearer {token}",
        traceparent=f"00-{TRACE}-{PARENT}-01",
    )
    send(gateway.options.port, authorization=f"Bearer {token}")  # no decision of its own, rate 0: not traced
    assert until(lambda: len(spans(received)) >= 3, timeout_s=15)
    found = spans(received)
    assert {span.trace_id.hex() for span in found} == {TRACE}
    assert {span.parent_span_id.hex() for span in found if span.kind == span.SPAN_KIND_SERVER} == {PARENT}
    upstream = backend.seen[0].headers["traceparent"].split("-")
    assert upstream[1] == TRACE
    assert upstream[2] in {span.span_id.hex() for span in found}
    told = b"".join(received)
    for secret in (token, "jane", "photo-bytes", "secret"):
        assert secret.encode() not in told
    served = [span for span in found if span.kind == span.SPAN_KIND_SERVER]
    assert {span.name for span in served} == {"POST /v2/models/wrinkle_unetpp/infer", "refused: not offered"}
    addresses = {each.value.string_value for span in served for each in span.attributes if each.key == "peer.address"}
    assert addresses == {"-"}


def spans(received: list[bytes]) -> list:  # type: ignore[type-arg]
    requests = [ExportTraceServiceRequest.FromString(body) for body in received]
    return [
        span
        for request in requests
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
