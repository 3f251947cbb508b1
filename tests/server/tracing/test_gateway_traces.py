"""One trace through everything: the client's span, the gateway's, Triton's request, each step's compute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from live_server import options_on_free_ports
from otlp_collector import CollectedSpan, Collector, collecting
from recorded_spans import hex_id, sampled
from wrinkle_client import Client
from wrinkle_server.gateway.options import Backend, GatewayOptions
from wrinkle_server.gateway.process import Gateway
from wrinkle_server.supervision.options import SupervisionOptions
from wrinkle_server.supervision.supervisor import Supervisor
from wrinkle_server.triton.ports import free_ports

pytestmark = pytest.mark.live

HOST = "127.0.0.1"
SPANS_OF_TRITON = 8  # the request, the ensemble, and for each of three steps the model and its compute
GATEWAY, TRITON = "wrinkle-gateway", "wrinkle-serving"
TOKEN = "wrk_never-in-a-trace-0123456789"


@dataclass(frozen=True)
class Deployment:
    """A gateway with its collector, by URL of each protocol."""

    collector: Collector
    urls: dict[str, str]


@pytest.fixture(scope="module", params=[1.0])
def deployment(
    small_repository: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Deployment]:
    """Start collector, server and gateway; the parameter is the share of contextless requests that is traced."""
    folder = tmp_path_factory.mktemp("traced")
    options = options_on_free_ports(small_repository, folder / "triton.log", "unetpp")
    port, health_port = free_ports(2)
    backend = Backend(HOST, options.http_port, options.grpc_port, health_port)
    with collecting() as collector:
        traced = replace(options, otlp_endpoint=collector.endpoint, trace_sample_rate=0.0)
        front = GatewayOptions(
            (backend,),
            port=port,
            access_log=folder / "access.log",
            otlp_endpoint=collector.endpoint,
            trace_sample_rate=request.param,
        )
        with Supervisor(traced, SupervisionOptions(health_port=health_port)), Gateway(front):
            yield Deployment(collector, {name: f"{name}://{HOST}:{port}" for name in ("http", "grpc")})


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_trace_runs_from_the_client_through_the_gateway_to_the_steps(
    deployment: Deployment, protocol: str, grace_hopper_jpeg: bytes
) -> None:
    client_span_id, trace = whole_trace(deployment, protocol, grace_hopper_jpeg)
    found = {span.span_id: span for span in trace}
    (request,) = [span for span in trace if span.name == "InferRequest"]
    assert request.service == TRITON
    way = []
    above = request.parent_id
    while above != client_span_id:
        way.append(found[above].service)
        above = found[above].parent_id
    assert way
    assert set(way) == {GATEWAY}
    assert TOKEN.encode() not in b"".join(deployment.collector.bodies)


@pytest.mark.parametrize("deployment", [0.0], indirect=True)
@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_request_that_nobody_samples_leaves_no_span(
    deployment: Deployment, protocol: str, grace_hopper_jpeg: bytes
) -> None:
    with Client(deployment.urls[protocol], token=TOKEN) as client:
        for _ in range(3):
            client.segment(grace_hopper_jpeg)
    before = len(deployment.collector.spans)
    whole_trace(deployment, "http", grace_hopper_jpeg)  # by now the others' spans would have come too
    sampled_traces = {span.trace_id for span in deployment.collector.spans[before:]}
    assert len(sampled_traces) == 1


def whole_trace(deployment: Deployment, protocol: str, photo: bytes) -> tuple[str, list[CollectedSpan]]:
    """Return the id of the client's span, and the others' spans; over gRPC Triton overlooks some trace contexts."""
    collector = deployment.collector
    for _ in range({"http": 1, "grpc": 8}[protocol]):
        with sampled() as spans, Client(deployment.urls[protocol], token=TOKEN) as client:
            client.segment(photo)
        trace_id, span_id = hex_id(spans[0])

        def whole(trace_id: str = trace_id) -> bool:
            services = Counter(span.service for span in collector.trace(trace_id))
            return services[TRITON] == SPANS_OF_TRITON and services[GATEWAY] > 0

        if collector.came(whole):
            return span_id, collector.trace(trace_id)
    raise AssertionError(f"No whole trace: {Counter(span.service for span in collector.spans)}")
