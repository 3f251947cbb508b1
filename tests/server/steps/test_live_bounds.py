"""Bounds of the deployment hold inside the live server and reach the client as the right typed error."""

from __future__ import annotations

import http.client
import io
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import psutil
import pytest
import tritonclient.grpc
from PIL import Image
from tritonclient.utils import InferenceServerException

from live_server import published_queues
from step_server import infer, published
from wrinkle_client.failures import wire_failure
from wrinkle_core.contract import segmenter
from wrinkle_core.errors import from_wire
from wrinkle_server.steps.activity import read_activities
from wrinkle_server.triton.model_server import ModelServer

pytestmark = [pytest.mark.live, pytest.mark.alone]


def code_of(status: int, text: str) -> str:
    if status == http.client.OK:
        return "answered"
    name = {503: "UNAVAILABLE", 400: "INVALID_ARGUMENT"}.get(status, "INTERNAL")
    return wire_failure(name, text, url="http://test", answered=True).code


def test_photograph_is_refused_while_too_many_wait_for_the_segmenter(
    bounded_server: ModelServer, grace_hopper_jpeg: bytes
) -> None:
    with published(bounded_server, unetpp=3):
        status, text = infer(bounded_server, grace_hopper_jpeg)
    assert status == http.client.SERVICE_UNAVAILABLE
    error = from_wire(text)
    assert error is not None
    assert (error.code, error.retryable) == ("OVERLOADED", True)
    assert infer(bounded_server, grace_hopper_jpeg)[0] == http.client.OK


def test_refusing_costs_a_tenth_of_answering_or_less(bounded_server: ModelServer, grace_hopper_jpeg: bytes) -> None:
    def seconds(count: int) -> float:
        took = []
        for _ in range(count):
            began = time.perf_counter()
            infer(bounded_server, grace_hopper_jpeg)
            took.append(time.perf_counter() - began)
        return statistics.median(took)

    answering = seconds(7)
    with published(bounded_server, unetpp=3):
        refusing = seconds(30)
    assert refusing < answering / 10


def test_refusal_comes_before_the_file_is_read(bounded_server: ModelServer) -> None:
    with published(bounded_server, unetpp=3):
        assert code_of(*infer(bounded_server, b"no photograph")) == "OVERLOADED"
    assert code_of(*infer(bounded_server, b"no photograph")) == "INVALID_IMAGE"


def test_operator_may_lower_the_limit_on_bytes(bounded_server: ModelServer, grace_hopper_jpeg: bytes) -> None:
    status, text = infer(bounded_server, grace_hopper_jpeg + bytes(300_000))
    assert status == http.client.BAD_REQUEST
    assert "the limit is 300000" in text
    assert code_of(status, text) == "IMAGE_TOO_LARGE"


def test_operator_may_lower_the_limit_on_pixels(bounded_server: ModelServer) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (1000, 501)).save(stream, "PNG")
    status, text = infer(bounded_server, stream.getvalue())
    assert status == http.client.BAD_REQUEST
    assert "the limit is 500000 pixels" in text
    assert code_of(status, text) == "IMAGE_TOO_LARGE"


def test_full_queue_is_overload_over_http(bounded_server: ModelServer, grace_hopper_jpeg: bytes) -> None:
    with published_queues(bounded_server), ThreadPoolExecutor(40) as clients:
        outcomes = Counter(
            code_of(*one) for one in clients.map(lambda _: infer(bounded_server, grace_hopper_jpeg), range(40))
        )
    assert set(outcomes) == {"answered", "OVERLOADED"}
    assert infer(bounded_server, grace_hopper_jpeg)[0] == http.client.OK


def grpc_outcome(client: Any, photo: bytes) -> str:
    tensor = tritonclient.grpc.InferInput("IMAGE", [len(photo)], "UINT8")
    tensor.set_data_from_numpy(np.frombuffer(photo, np.uint8))
    try:
        client.infer("wrinkle_unetpp", [tensor])
    except InferenceServerException as error:
        status = str(error.status()).removeprefix("StatusCode.")
        return wire_failure(status, str(error.message()), url="test", answered=True).code
    return "answered"


@pytest.fixture(scope="module")
def grpc_client(bounded_server: ModelServer) -> Iterator[Any]:
    options = bounded_server.options
    with tritonclient.grpc.InferenceServerClient(f"{options.host}:{options.grpc_port}") as client:
        yield client


def test_full_queue_is_overload_over_grpc(
    bounded_server: ModelServer, grpc_client: Any, grace_hopper_jpeg: bytes
) -> None:
    with published_queues(bounded_server), ThreadPoolExecutor(40) as clients:
        outcomes = Counter(clients.map(lambda _: grpc_outcome(grpc_client, grace_hopper_jpeg), range(40)))
    assert set(outcomes) == {"answered", "OVERLOADED"}


@pytest.mark.parametrize("model", ["skin_mask", "threshold"])
def test_step_refuses_while_its_own_queue_is_too_long(
    model: str, bounded_server: ModelServer, grace_hopper_jpeg: bytes
) -> None:
    with published(bounded_server, **{model: 4}):
        assert infer(bounded_server, grace_hopper_jpeg)[0] == http.client.OK
    with published(bounded_server, **{model: 99}):
        status, text = infer(bounded_server, grace_hopper_jpeg)
    assert (code_of(status, text), status) == ("OVERLOADED", http.client.SERVICE_UNAVAILABLE)
    assert f"wait at {model}, at most 4 may" in text


def test_network_that_is_asked_directly_refuses_while_its_queue_is_too_long(
    bounded_server: ModelServer, grpc_client: Any
) -> None:
    spec = segmenter("unetpp")
    tensor = tritonclient.grpc.InferInput("INPUT", [1, len(spec.channels), spec.input_px, spec.input_px], "UINT8")
    tensor.set_data_from_numpy(np.zeros(tensor.shape(), np.uint8))
    with published(bounded_server, unetpp=4):
        grpc_client.infer("unetpp", [tensor])
    with (
        published(bounded_server, unetpp=99),
        pytest.raises(InferenceServerException, match="wait at unetpp, at most 4 may") as caught,
    ):
        grpc_client.infer("unetpp", [tensor])
    assert caught.value.status() == "StatusCode.UNAVAILABLE"


def test_every_step_process_shows_its_activity(bounded_server: ModelServer, grace_hopper_jpeg: bytes) -> None:
    before = {step.pid: step for step in read_activities(bounded_server.run_folder)}
    assert Counter(step.model for step in before.values()) == {"skin_mask": 2, "unetpp": 1, "threshold": 1}
    children = {process.pid for process in psutil.Process(bounded_server.process_id).children()}
    assert set(before) <= children
    assert infer(bounded_server, grace_hopper_jpeg)[0] == http.client.OK
    gained: Counter[str] = Counter()
    for step in read_activities(bounded_server.run_folder):
        gained[step.model] += step.completed - before[step.pid].completed
        assert step.busy_for_s == 0.0
    assert gained == {"skin_mask": 1, "unetpp": 1, "threshold": 1}


def test_stopped_step_is_seen_to_be_busy(bounded_server: ModelServer, grace_hopper_jpeg: bytes) -> None:
    (step,) = (step for step in read_activities(bounded_server.run_folder) if step.model == "unetpp")
    with ThreadPoolExecutor(3) as clients:
        answers = [clients.submit(infer, bounded_server, grace_hopper_jpeg) for _ in range(3)]
        longest_s, deadline = 0.0, time.monotonic() + 10.0
        while longest_s == 0.0 and time.monotonic() < deadline:
            longest_s = max(each.busy_for_s for each in read_activities(bounded_server.run_folder))
        assert [answer.result()[0] for answer in answers] == [http.client.OK] * 3
    assert 0.0 < longest_s < 10.0
    assert step.pid in {each.pid for each in read_activities(bounded_server.run_folder)}
