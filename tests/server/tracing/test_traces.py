"""One trace from the client's span through Triton's request down to each step's compute, on the real server."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from live_server import options_on_free_ports
from otlp_collector import CollectedSpan, Collector, collecting
from recorded_spans import hex_id, sampled
from wrinkle_client import Client
from wrinkle_server.triton.model_server import ModelServer

pytestmark = pytest.mark.live

STEPS = ("skin_mask", "unetpp", "threshold")
TOKEN = "wrk_never-in-a-trace-0123456789"
PHOTO_PIECE_BYTES = 48


@dataclass(frozen=True)
class Traced:
    """A server that traces only what carries a trace context, and the collector it sends to."""

    collector: Collector
    urls: dict[str, str]


@pytest.fixture(scope="module")
def traced(small_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    """Start both."""
    options = options_on_free_ports(small_repository, tmp_path_factory.mktemp("traced") / "triton.log", "unetpp")
    with collecting() as collector:
        options = replace(options, otlp_endpoint=collector.endpoint, trace_sample_rate=0.0)
        with ModelServer(options):
            ports = {"http": options.http_port, "grpc": options.grpc_port}
            yield Traced(collector, {name: f"{name}://127.0.0.1:{port}" for name, port in ports.items()})


def traced_call(
    traced: Traced, protocol: str, photo: bytes, **options: Any
) -> tuple[ReadableSpan, list[CollectedSpan]]:
    """Segment within a trace; return the client's span and Triton's once all came.

    Over gRPC, Triton 2.51 overlooks the trace context of some requests, about one in thirty, so there are more tries.
    """
    tries = {"http": 1, "grpc": 8}[protocol]
    with Client(traced.urls[protocol], token=TOKEN) as client:
        for _ in range(tries):
            with sampled() as spans:
                client.segment(photo, **options)
            trace_id, _ = hex_id(spans[0])

            def whole(trace_id: str = trace_id) -> bool:
                return len(traced.collector.trace(trace_id)) == 2 + 2 * len(STEPS)

            if traced.collector.came(whole):
                return spans[0], traced.collector.trace(trace_id)
    raise AssertionError(f"No whole trace in {tries} calls: {sorted(span.name for span in traced.collector.spans)}")


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_the_client_s_span_is_the_root_of_every_step_s_compute(
    traced: Traced, protocol: str, grace_hopper_jpeg: bytes
) -> None:
    client_span, found = traced_call(traced, protocol, grace_hopper_jpeg, request_id=f"visit-{protocol}")
    by_id = {span.span_id: span for span in found}

    (request,) = [span for span in found if span.name == "InferRequest"]
    assert request.parent_id == hex_id(client_span)[1]
    (ensemble,) = [span for span in found if span.name == "wrinkle_unetpp"]
    assert ensemble.parent_id == request.span_id
    assert {span.name for span in found if span.parent_id == ensemble.span_id} == set(STEPS)
    computes = [span for span in found if span.name == "compute"]
    assert Counter(by_id[span.parent_id].name for span in computes) == Counter(STEPS)
    for span in computes:
        assert {"COMPUTE_START", "COMPUTE_END"} <= set(span.events)
        assert request.start_ns <= span.start_ns <= span.end_ns <= request.end_ns
    assert {span.attributes.get("triton.request_id") for span in found if span.name in STEPS} == {f"visit-{protocol}"}


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_no_photograph_and_no_token_is_in_any_trace(traced: Traced, protocol: str, grace_hopper_jpeg: bytes) -> None:
    client_span, _ = traced_call(traced, protocol, grace_hopper_jpeg, probability=True)
    written = b"".join(traced.collector.bodies) + client_span.to_json().encode()
    assert TOKEN.encode() not in written
    middle = len(grace_hopper_jpeg) // 2
    piece = grace_hopper_jpeg[middle : middle + PHOTO_PIECE_BYTES]
    for form in (piece, base64.b64encode(piece), piece.hex().encode()):
        assert form not in written
    assert len(written) / len(traced.collector.spans) < 2_000  # bytes per span: no tensor fits
    allowed = {"model_name", "model_version", "trace_id", "trace_parent_id", "request_id"}
    assert {key for span in traced.collector.spans for key in span.attributes} <= {f"triton.{name}" for name in allowed}


def test_a_call_that_is_not_sampled_is_not_traced(traced: Traced, grace_hopper_jpeg: bytes) -> None:
    with Client(traced.urls["http"]) as client:
        client.segment(grace_hopper_jpeg, request_id="untraced")
    traced_call(traced, "http", grace_hopper_jpeg)
    assert "untraced" not in {span.attributes.get("triton.request_id") for span in traced.collector.spans}


def test_spans_that_wait_are_sent_before_the_server_ends(
    small_repository: Path, grace_hopper_jpeg: bytes, tmp_path: Path
) -> None:
    with collecting() as collector:
        options = options_on_free_ports(small_repository, tmp_path / "triton.log", "unetpp")
        with ModelServer(replace(options, otlp_endpoint=collector.endpoint, trace_sample_rate=0.0)):
            with sampled() as spans, Client(f"http://127.0.0.1:{options.http_port}") as client:
                client.segment(grace_hopper_jpeg)
        assert len(collector.trace(hex_id(spans[0])[0])) == 2 + 2 * len(STEPS)
