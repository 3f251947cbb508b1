"""The client's span, and what of it reaches the server."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import grpc
import pytest
from opentelemetry import trace

from recorded_spans import hex_id, sampled
from wrinkle_client import Client, OverloadedError, RetryPolicy, WrinkleError

QUICK = RetryPolicy(attempts=3, wait_initial_s=0.01, wait_jitter_s=0.01, wait_max_s=0.05)
TOKEN = "wrk_never-in-a-span"


def overloaded(server: Any, times: int) -> None:
    """Make a fake server of either protocol refuse the first requests."""

    def over_http(connection: Any, request: Any) -> bool:
        if len(server.received) > times:
            return bool(server.behave_well(connection, request))
        body = b'{"error": "Exceeds maximum queue size"}'
        connection.sendall(b"HTTP/1.1 503 Busy\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        return True

    def over_grpc(request: Any, context: Any) -> Any:
        if len(server.received) > times:
            return server.behave_well(request, context)
        return context.abort(grpc.StatusCode.UNAVAILABLE, "Exceeds maximum queue size")

    server.behaviour = over_http if server.url.startswith("http") else over_grpc


def test_a_call_is_one_client_span_below_the_caller_s(server: Any, photo: bytes) -> None:
    with sampled() as spans, Client(server.url) as client:
        caller = trace.get_current_span().get_span_context()
        client.segment(photo, request_id="visit-7")
    (span,) = spans
    assert span.parent is not None
    assert (span.kind, span.parent.span_id) == (trace.SpanKind.CLIENT, caller.span_id)
    told = dict(span.attributes or {})
    assert told["wrinkle.request.id"] == "visit-7"
    assert told["wrinkle.model.name"] == "wrinkle_unetpp"
    assert told["wrinkle.model.version"] == "7"
    assert told["wrinkle.photo.size"] == len(photo)
    assert told["wrinkle.attempts"] == 1
    assert told["server.address"] == "127.0.0.1"
    assert span.status.is_ok or span.status.is_unset


def test_the_span_is_named_as_the_conventions_of_its_protocol_say(server: Any, photo: bytes) -> None:
    with sampled() as spans, Client(server.url) as client:
        client.segment(photo)
    told = dict(spans[0].attributes or {})
    if server.url.startswith("grpc"):
        assert spans[0].name == told["rpc.method"] == "inference.GRPCInferenceService/ModelInfer"
        assert (told["rpc.system.name"], told["rpc.response.status_code"]) == ("grpc", "OK")
    else:
        assert spans[0].name == f"{told['http.request.method']} {told['url.template']}"
        assert told["http.response.status_code"] == 200


def test_the_server_is_told_the_span(server: Any, photo: bytes) -> None:
    with sampled() as spans, Client(server.url) as client:
        client.segment(photo)
    trace_id, span_id = hex_id(spans[0])
    assert server.received[0].headers["traceparent"] == f"00-{trace_id}-{span_id}-01"


def test_a_call_that_is_not_sampled_carries_no_trace_context(server: Any, photo: bytes) -> None:
    """Triton would trace it all the same: it ignores the sampled flag."""
    with sampled():
        pass  # the tracer provider is there now
    with Client(server.url) as client:
        client.segment(photo)
    assert {"traceparent", "tracestate", "baggage"}.isdisjoint(server.received[0].headers)


def test_retries_are_events_of_the_one_span(server: Any, photo: bytes) -> None:
    overloaded(server, times=2)
    with sampled() as spans, Client(server.url, retry=QUICK) as client:
        client.segment(photo)
    (span,) = spans
    assert [(event.name, dict(event.attributes or {})) for event in span.events] == [
        ("retry", {"error.type": "OVERLOADED"})
    ] * 2
    assert dict(span.attributes or {})["wrinkle.attempts"] == 3
    assert len({request.headers["traceparent"] for request in server.received}) == 1


def test_a_call_that_fails_has_its_code_as_status(server: Any, photo: bytes) -> None:
    overloaded(server, times=99)
    with sampled() as spans, Client(server.url, retry=QUICK) as client, pytest.raises(OverloadedError):
        client.segment(photo)
    (span,) = spans
    assert (span.status.status_code, span.status.description) == (trace.StatusCode.ERROR, "OVERLOADED")
    assert dict(span.attributes or {})["error.type"] == "OVERLOADED"


@pytest.mark.parametrize("times", [0, 99])
def test_spans_hold_no_file_name_token_or_message(server: Any, photo: bytes, tmp_path: Any, times: int) -> None:
    overloaded(server, times)
    path = tmp_path / "grandmother.jpg"
    path.write_bytes(photo)
    with sampled() as spans, Client(server.url, token=TOKEN, retry=QUICK) as client:
        try:
            client.segment(path)
        except WrinkleError:
            assert times
    written = spans[0].to_json()
    assert server.received[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in written
    assert "grandmother" not in written
    assert "queue size" not in written
    assert "exception" not in json.dumps([event.name for event in spans[0].events])


def test_without_opentelemetry_calls_work_and_nothing_is_loaded(http_server: Any, photo: bytes) -> None:
    code = (
        "import sys\nsys.modules['opentelemetry'] = None\nfrom wrinkle_client import Client\n"
        f"with Client({http_server.url!r}) as client:\n    print(client.segment(sys.stdin.buffer.read()).model)"
    )
    done = subprocess.run([sys.executable, "-c", code], input=photo, capture_output=True, timeout=60, check=False)
    assert done.stdout.strip() == b"unetpp", done.stderr
    assert "traceparent" not in http_server.received[0].headers


def test_without_a_tracer_provider_nothing_is_sent(http_server: Any, photo: bytes) -> None:
    code = (
        "import sys\nfrom wrinkle_client import Client\n"
        f"with Client({http_server.url!r}) as client:\n    print(client.segment(sys.stdin.buffer.read()).model)"
    )
    done = subprocess.run([sys.executable, "-c", code], input=photo, capture_output=True, timeout=60, check=False)
    assert done.stdout.strip() == b"unetpp", done.stderr
    assert "traceparent" not in http_server.received[0].headers
