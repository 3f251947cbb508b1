"""Requests that would end Triton do not reach it through the gateway; those the SDK and curl send do."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from deadly_http import DEADLY_BODIES
from gateway_setup import HttpBackend
from live_server import options_on_free_ports
from server_memory import ServerProcesses
from wrinkle_client.client import Client
from wrinkle_core.errors import from_wire
from wrinkle_server.gateway.options import Backend, GatewayLimits, GatewayOptions
from wrinkle_server.gateway.process import Gateway
from wrinkle_server.triton.model_server import ModelServer
from wrinkle_server.triton.ports import free_ports

pytestmark = pytest.mark.live

INFER = "/v2/models/wrinkle_unetpp/infer"
LENGTH = "Inference-Header-Content-Length"
CHUNKS = 100_000


@pytest.fixture(scope="module")
def server(small_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    log_path = tmp_path_factory.mktemp("guarded") / "triton.log"
    options = options_on_free_ports(small_repository, log_path, "unetpp")
    with ModelServer(replace(options, http_socket=log_path.with_name("http"))) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(server: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """Return host and port of a gateway in front of the server."""
    folder, options = tmp_path_factory.mktemp("gateway"), server.options
    (port,) = free_ports(1)
    with HttpBackend() as supervisor:
        ports = (options.http_port, options.grpc_port, supervisor.ports[2])
        chosen = GatewayOptions(
            (Backend(options.host, *ports, http_socket=options.http_socket),),
            port=port,
            limits=GatewayLimits().on_this_machine(),
            access_log=folder / "access.log",
        )
        with Gateway(chosen, log_path=folder / "envoy.log"):
            yield chosen.host, port


def post(address: tuple[str, int], body: bytes, length: str | None) -> tuple[int, str]:
    with closing(http.client.HTTPConnection(*address, timeout=30.0)) as connection:
        connection.request("POST", INFER, body=body, headers={} if length is None else {LENGTH: length})
        response = connection.getresponse()
        return response.status, response.read().decode("utf-8", "replace")


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "unannounced"])
@pytest.mark.parametrize("body", DEADLY_BODIES.values(), ids=DEADLY_BODIES)
def test_deadly_request_is_refused_by_the_gateway(
    body: bytes, announced: bool, gateway: tuple[str, int], server: ModelServer
) -> None:
    processes = ServerProcesses.of(server)
    status, text = post(gateway, body, str(len(body)) if announced else None)
    error = from_wire(text)
    assert (status, error.code if error else text) == (http.client.BAD_REQUEST, "CONTRACT_MISMATCH")
    assert ServerProcesses.of(server) == processes
    assert server.admin.ready()


@pytest.mark.parametrize("length", ["00", "-1", "+5", "0x10", "1e3", "abc", "", "9999999", "5, 7"])
def test_length_that_could_be_read_in_two_ways_is_refused(length: str, gateway: tuple[str, int]) -> None:
    assert post(gateway, b'{"inputs":[]}', length)[0] == http.client.BAD_REQUEST


def test_body_in_a_hundred_thousand_chunks_does_not_reach_triton_so(
    gateway: tuple[str, int], server: ModelServer
) -> None:
    processes = ServerProcesses.of(server)
    with closing(http.client.HTTPConnection(*gateway, timeout=60.0)) as connection:
        connection.request(
            "POST", INFER, body=(b"x" for _ in range(CHUNKS)), headers={LENGTH: "0"}, encode_chunked=True
        )
        response = connection.getresponse()
        error = from_wire(response.read().decode())
    assert error is not None
    assert error.code == "INVALID_IMAGE"
    assert ServerProcesses.of(server) == processes


def test_sdk_and_the_raw_form_pass(gateway: tuple[str, int], grace_hopper_jpeg: bytes) -> None:
    with Client(f"http://{gateway[0]}:{gateway[1]}") as client:
        result = client.segment(grace_hopper_jpeg, model="unetpp", probability=True)
    assert result.mask.any()
    assert post(gateway, grace_hopper_jpeg, "0")[0] == http.client.OK


def test_binary_description_with_every_part_passes(gateway: tuple[str, int], grace_hopper_jpeg: bytes) -> None:
    size = len(grace_hopper_jpeg)
    header = json.dumps(
        {
            "id": "7",
            "parameters": {"threshold": 0.4, "probability": True},
            "inputs": [
                {"name": "IMAGE", "shape": [size], "datatype": "UINT8", "parameters": {"binary_data_size": size}}
            ],
            "outputs": [{"name": name, "parameters": {"binary_data": True}} for name in ("MASK_PNG", "REPORT_JSON")],
        }
    ).encode()
    with closing(http.client.HTTPConnection(*gateway, timeout=30.0)) as connection:
        connection.request("POST", INFER, body=header + grace_hopper_jpeg, headers={LENGTH: str(len(header))})
        assert connection.getresponse().status == http.client.OK
