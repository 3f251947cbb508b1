"""What the client does with a server that behaves, the same over HTTP and gRPC."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import numpy as np
import pytest
from tritonclient.grpc import service_pb2

from driven_client import connect
from wrinkle_client import (
    Client,
    ContractError,
    Health,
    InferenceRequest,
    InvalidParameterError,
    Limits,
    ModelInfo,
    ModelNotReadyError,
    OverloadedError,
    ServerFaultError,
    ServingError,
)
from wrinkle_client.credentials import Credentials
from wrinkle_client.deadline import Deadline
from wrinkle_client.endpoint import Endpoint
from wrinkle_client.runtime import BlockingRuntime, run_now
from wrinkle_client.testing import FakeServer, MockTransport
from wrinkle_client.transports.opening import open_transport
from wrinkle_core.contract import SEGMENTERS


def test_segment_returns_the_masks_and_figures_the_server_sent(server: Any, photo: bytes, kind: str) -> None:
    with connect(kind, server.url) as client:
        result = client.segment(photo)
    np.testing.assert_array_equal(result.mask, server.answer.mask)
    assert result.mask.dtype == np.uint8
    assert result.probability is None
    assert result.report == server.answer.report
    assert (result.model, result.model_version) == ("unetpp", "7")


def test_probability_comes_when_asked_for(server: Any, photo: bytes, kind: str) -> None:
    with connect(kind, server.url) as client:
        probability = client.segment(photo, probability=True).probability
    assert probability is not None
    assert probability.dtype == np.float32
    np.testing.assert_array_equal(probability, server.answer.levels.astype(np.float32) / 255)


def test_the_file_goes_over_the_wire_unchanged_to_the_model_asked_for(server: Any, photo: bytes, kind: str) -> None:
    server.answer.segmenter = "unet_texture"
    with connect(kind, server.url) as client:
        client.segment(photo, model="unet_texture", threshold=0.25, probability=True, request_id="visit-7.a")
    (received,) = server.received
    assert received.image == photo
    assert received.model_name == "wrinkle_unet_texture"
    assert received.request_id == received.headers["x-request-id"] == "visit-7.a"
    assert received.parameters == {"threshold": 0.25, "probability": True}


def test_options_left_out_are_left_to_the_server(server: Any, photo: bytes, kind: str) -> None:
    with connect(kind, server.url) as client:
        client.segment(photo)
    assert server.received[0].parameters == {}


def test_timings_add_up_and_count_the_tries(server: Any, photo: bytes, kind: str) -> None:
    with connect(kind, server.url) as client:
        timings = client.segment(photo).timings
    assert timings.attempts == 1
    assert timings.total_s >= timings.request_s + timings.decode_s > 0


def test_each_call_draws_its_own_request_id(server: Any, photo: bytes, kind: str) -> None:
    with connect(kind, server.url) as client:
        ids = {client.segment(photo).request_id for _ in range(3)}
    assert ids == {received.request_id for received in server.received}
    assert len(ids) == 3


def test_threads_share_a_client_and_each_gets_its_own_answer(server: Any, photo: bytes) -> None:
    names = [f"call-{number}" for number in range(200)]
    with Client(server.url, limits=Limits(max_connections=4)) as client, ThreadPoolExecutor(16) as threads:
        results = list(threads.map(lambda name: client.segment(photo, request_id=name), names))
    assert [result.request_id for result in results] == names
    assert {result.timings.attempts for result in results} == {1}


def test_health_and_models_tell_what_the_server_offers(server: Any, kind: str) -> None:
    with connect(kind, server.url) as client:
        assert client.health() == Health(live=True, ready=True)
        assert client.models() == tuple(
            ModelInfo(spec.name, True, ("1",), spec.default_threshold) for spec in SEGMENTERS
        )
        client.wait_ready(timeout_s=5)


def test_a_closed_client_says_so(server: Any, photo: bytes, kind: str) -> None:
    with connect(kind, server.url) as client:
        client.segment(photo)
        client.close()
        client.close()
        for call in (lambda: client.segment(photo), client.models, client.server_info):
            with pytest.raises(ServingError, match="closed"):
                call()


@pytest.mark.parametrize(
    "options",
    [
        {"model": "unet3000"},
        {"threshold": 1.5},
        {"threshold": float("nan")},
        {"threshold": True},
        {"request_id": "two words"},
        {"request_id": ""},
        {"timeout_s": 0.0},
        {"timeout_s": float("inf")},
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_sent(
    server: Any, photo: bytes, options: dict[str, Any], kind: str
) -> None:
    with connect(kind, server.url) as client, pytest.raises(InvalidParameterError):
        client.segment(photo, **options)
    assert server.received == []


def test_a_report_of_another_contract_version_is_a_contract_error(server: Any, photo: bytes, kind: str) -> None:
    server.answer.contract_version = 99
    with connect(kind, server.url) as client, pytest.raises(ContractError, match="99"):
        client.segment(photo)


def test_a_missing_output_is_reported_with_what_came(server: Any, photo: bytes, kind: str) -> None:
    server.answer.replaced = {"MASK_PNG": None}
    with (
        connect(kind, server.url) as client,
        pytest.raises(ServerFaultError, match=r"MASK_PNG.*PROBABILITY_PNG, REPORT_JSON"),
    ):
        client.segment(photo)


def test_silently_empty_outputs_are_a_server_fault_that_names_the_likely_cause(
    server: Any, photo: bytes, kind: str
) -> None:
    server.answer.replaced = {"MASK_PNG": b"", "REPORT_JSON": b""}
    with connect(kind, server.url) as client, pytest.raises(ServerFaultError, match="numpy 2"):
        client.segment(photo)


def test_the_report_of_another_model_is_a_server_fault(server: Any, photo: bytes, kind: str) -> None:
    with connect(kind, server.url) as client, pytest.raises(ServerFaultError, match="unet_texture"):
        client.segment(photo, model="unet_texture")


def not_ready_until(server: Any, call: int) -> None:
    """Make a fake server of either protocol refuse the first readiness questions."""
    asked = iter(range(1, 1000))

    def over_http(connection: Any, request: Any) -> bool:
        if request.path.endswith("/ready") and next(asked) < call:
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            return True
        return bool(server.behave_well(connection, request))

    def over_grpc(request: Any, context: Any) -> Any:
        if next(asked) < call:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Request for unknown model: '{request.name}' is not found")
        return service_pb2.ModelReadyResponse(ready=True)

    if server.url.startswith("http"):
        server.behaviour = over_http
    else:
        server.ready_behaviour = over_grpc


def test_wait_ready_waits_for_every_model(server: Any, kind: str) -> None:
    not_ready_until(server, 4)
    with connect(kind, server.url) as client:
        client.wait_ready(5)
        assert all(model.ready for model in client.models())


def test_what_is_prepared_here_may_be_larger_than_a_photograph() -> None:
    with FakeServer() as server:
        transport = open_transport(
            Endpoint.parse(server.grpc_url), Limits(max_encoded_bytes=1000), Credentials(), BlockingRuntime()
        )
        prepared = {"INPUT": np.zeros((1, 3, 512, 512), np.uint8)}
        answer = run_now(transport.infer(InferenceRequest("unetpp", prepared, (), "id"), Deadline.after(10)))
        run_now(transport.close())
    assert answer.tensors["PROBABILITY"].shape == (1, 512, 512)


class OneModel(MockTransport):
    """A server of ``unetpp`` alone, which is busy at first and then says that it loads until it is asked again."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def model_ready(self, model_name: str, deadline: Deadline) -> bool:
        return model_name == "wrinkle_unetpp"

    async def server_ready(self, deadline: Deadline) -> bool:
        self.asked += 1
        if self.asked == 1:
            raise OverloadedError("The queue is full.")
        return self.asked > 2


def test_wait_ready_waits_for_what_the_server_serves_or_for_what_is_named(kind: str) -> None:
    transport = OneModel()
    with connect(kind, "http://localhost", transport=transport) as client:
        client.wait_ready(5)
        assert transport.asked == 3
        client.wait_ready(1, models=("unetpp",))
        with pytest.raises(ModelNotReadyError, match=": unet_texture"):
            client.wait_ready(0.2, models=("unetpp", "unet_texture"))


def test_a_server_of_no_model_never_gets_ready(server: Any, kind: str) -> None:
    not_ready_until(server, 1000)
    with connect(kind, server.url) as client, pytest.raises(ModelNotReadyError, match=": unetpp, unet_texture"):
        client.wait_ready(0.2)


def test_a_model_the_server_does_not_have_is_listed_as_not_ready(server: Any, kind: str) -> None:
    not_ready_until(server, 1000)
    with connect(kind, server.url) as client:
        assert {(model.ready, model.versions) for model in client.models()} == {(False, ())}
