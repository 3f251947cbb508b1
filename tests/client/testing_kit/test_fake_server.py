"""The fake server speaks as Triton does: the SDK, tritonclient and a raw body get what follows from the picture."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http

from wrinkle_client import (
    NO_RETRIES,
    AsyncClient,
    Client,
    ContractError,
    DeadlineExceededError,
    InvalidImageError,
    InvalidParameterError,
    ModelNotFoundError,
    ModelNotReadyError,
    NoFaceError,
    OverloadedError,
    ServerFaultError,
    ServerUnreachableError,
    UnauthorizedError,
    WrinkleError,
)
from wrinkle_client.testing import FakeServer, make_result
from wrinkle_core.contract import CONTRACT_VERSION


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    with FakeServer() as server:
        yield server


@pytest.fixture(params=["http", "grpc"])
def url(request: pytest.FixtureRequest, fake: FakeServer) -> str:
    return str(getattr(fake, f"{request.param}_url"))


def test_the_answer_is_the_one_make_result_makes(url: str, photo: bytes) -> None:
    options: dict[str, Any] = {"probability": True, "skin_mask": True, "geometry": True, "threshold": 0.25}
    with Client(url) as client:
        for model in ("unetpp", "unet_texture"):
            assert client.segment(photo, model=model, **options) == make_result(photo, model=model, **options)


def test_a_server_that_was_stopped_starts_again_and_still_takes_its_time(photo: bytes) -> None:
    fake = FakeServer(delay_s=0.3)
    for _ in range(2):
        with fake, Client(fake.http_url) as client:
            started_s = time.monotonic()
            client.segment(photo)
            assert time.monotonic() - started_s >= 0.3


def test_the_asynchronous_client_gets_the_same(url: str, photo: bytes) -> None:
    async def ask() -> Any:
        async with AsyncClient(url) as client:
            return await asyncio.gather(*(client.segment(photo) for _ in range(8)))

    assert set(asyncio.run(ask())) == {make_result(photo)}


def test_the_server_tells_what_a_real_one_does(url: str) -> None:
    with Client(url) as client:
        client.wait_ready(5)
        assert client.health().ready
        assert [(model.name, model.ready) for model in client.models()] == [("unetpp", True), ("unet_texture", True)]
        assert client.server_info().contract_version == CONTRACT_VERSION


ERRORS = (
    NoFaceError,
    InvalidImageError,
    InvalidParameterError,
    ContractError,
    ModelNotFoundError,
    ModelNotReadyError,
    OverloadedError,
    UnauthorizedError,
    DeadlineExceededError,
    ServerFaultError,
    ServerUnreachableError,
)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: str(error.code))
def test_a_planned_failure_arrives_as_its_type_and_then_all_is_well(
    url: str, fake: FakeServer, photo: bytes, error: type[WrinkleError]
) -> None:
    with Client(url, retry=NO_RETRIES) as client:
        fake.fail_next(error("Planned by the test."))
        with pytest.raises(error):
            client.segment(photo)
        assert client.segment(photo) == make_result(photo)


def test_planned_failures_are_retried_like_real_ones(url: str, fake: FakeServer, photo: bytes) -> None:
    fake.fail_next(OverloadedError("Busy."), times=2)
    with Client(url) as client:
        assert client.segment(photo).timings.attempts == 3


def test_an_overload_tells_how_long_to_wait(url: str, fake: FakeServer, photo: bytes) -> None:
    busy = OverloadedError("Busy.")
    busy.retry_after_s = 7.0
    fake.fail_next(busy)
    with Client(url, retry=NO_RETRIES) as client, pytest.raises(OverloadedError) as refused:
        client.segment(photo)
    assert refused.value.retry_after_s == 7.0


def test_a_delay_runs_into_the_deadline_and_ends_with_the_server(url: str, fake: FakeServer, photo: bytes) -> None:
    fake.delay_s = 30.0
    with Client(url) as client, pytest.raises(DeadlineExceededError):
        client.segment(photo, timeout_s=0.2)
    began_s = time.monotonic()
    fake.stop()
    assert time.monotonic() - began_s < 3.0


def test_a_bad_file_and_an_unknown_parameter_are_refused(url: str, fake: FakeServer, photo: bytes) -> None:
    with Client(url) as client, pytest.raises(InvalidImageError):
        client.segment(b"no photograph")
    with pytest.raises(Exception, match=r"wrinkle:INVALID_PARAMETER\] Parameter 'treshold' is unknown"):
        ask_raw(url, photo, {"treshold": 0.5})


def ask_raw(url: str, photo: bytes, parameters: dict[str, Any]) -> Any:
    """Ask with tritonclient itself."""
    protocol = tritonclient.http if url.startswith("http") else tritonclient.grpc
    tensor = protocol.InferInput("IMAGE", [len(photo)], "UINT8")
    tensor.set_data_from_numpy(np.frombuffer(photo, np.uint8))
    with protocol.InferenceServerClient(urlsplit(url).netloc) as client:
        return client.infer("wrinkle_unetpp", [tensor], parameters=parameters)


def test_tritonclient_understands_it_and_gets_every_output(url: str, photo: bytes) -> None:
    answer = ask_raw(url, photo, {"threshold": 0.25})
    assert answer.as_numpy("MASK_PNG").tobytes() == make_result(photo, threshold=0.25).to_png()
    assert answer.as_numpy("PROBABILITY_PNG").size == 0
    assert answer.as_numpy("GEOMETRY").dtype == np.float32


def test_a_raw_body_as_curl_sends_it_is_answered(fake: FakeServer, photo: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(fake.http_url).port or 0)
    connection.request(
        "POST", "/v2/models/wrinkle_unetpp/infer", body=photo, headers={"Inference-Header-Content-Length": "0"}
    )
    with connection.getresponse() as response:
        head = json.loads(response.read(int(response.headers["Inference-Header-Content-Length"])))
    connection.close()
    assert {output["name"] for output in head["outputs"]} >= {"MASK_PNG", "REPORT_JSON"}


def test_what_came_is_remembered(url: str, fake: FakeServer, photo: bytes) -> None:
    with Client(url) as client:
        client.segment(photo, threshold=0.5, request_id="visit-42")
    (call,) = fake.received
    assert (call.protocol, call.model_name, call.request_id) == (url[:4], "wrinkle_unetpp", "visit-42")
    assert call.parameters == {"threshold": 0.5}
    assert call.image == photo
    assert call.headers["x-request-id"] == "visit-42"
    assert "image" not in repr(call)


def test_a_handler_answers_in_place_of_the_pictures(photo: bytes) -> None:
    made = make_result(threshold=0.1)
    with FakeServer(handler=lambda _: made) as server, Client(server.http_url) as client:
        assert client.segment(photo) == made


def test_many_threads_each_get_the_answer_to_their_own_picture(url: str) -> None:
    pictures = [np.full((8 + number, 9, 3), 4 * number, np.uint8) for number in range(40)]
    with Client(url) as client, ThreadPoolExecutor(16) as threads:
        results = list(threads.map(client.segment, pictures))
    assert results == [make_result(picture) for picture in pictures]


def test_nothing_is_left_when_it_stops(photo: bytes) -> None:
    before = set(threading.enumerate())
    with FakeServer() as server:
        clients = [Client(server.http_url), Client(server.grpc_url)]
        for client in clients:
            client.segment(photo)
        address = urlsplit(server.http_url)
    for client in clients:
        client.close()
    assert set(threading.enumerate()) <= before
    with pytest.raises(ConnectionRefusedError):
        http.client.HTTPConnection("127.0.0.1", address.port or 0).request("GET", "/v2")
    with pytest.raises(InvalidParameterError, match="does not run"):
        _ = server.http_url


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_taken_port_is_told_and_leaves_nothing(fake: FakeServer, protocol: str) -> None:
    before = set(threading.enumerate())
    port = urlsplit(getattr(fake, f"{protocol}_url")).port or 0
    with pytest.raises(OSError, match="in use"):
        (FakeServer(http_port=port) if protocol == "http" else FakeServer(grpc_port=port)).start()
    assert set(threading.enumerate()) == before


def test_a_network_alone_is_answered_too(url: str) -> None:
    face = np.random.default_rng(0).integers(1, 256, (3, 64, 64), np.uint8)
    protocol = tritonclient.http if url.startswith("http") else tritonclient.grpc
    network_input: Any = np.zeros((1, 3, 512, 512), np.uint8)
    network_input[0, :, :64, :64] = face
    tensor = protocol.InferInput("INPUT", list(network_input.shape), "UINT8")
    tensor.set_data_from_numpy(network_input)
    with protocol.InferenceServerClient(urlsplit(url).netloc) as client:
        probability = client.infer("unetpp", [tensor]).as_numpy("PROBABILITY")
    np.testing.assert_array_equal(probability[0, :64, :64], 255 - face[1])
    assert not probability[0, 64:].any()
