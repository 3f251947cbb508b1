"""A request waits at a step for as long as that works on others; no step begins for a caller that has gone."""

from __future__ import annotations

import http.client
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException

from step_server import infer
from wrinkle_server.steps.pressure import EXECUTED_MODELS
from wrinkle_server.triton.model_server import ModelServer

pytestmark = pytest.mark.live

PAIRS = 48
STRAYS = 2  # pairs in which the machine itself may stop for a moment
CROWD = 40
DEADLINES = 5
AT_WORK = 4  # whose callers may go after the last look at them


@pytest.fixture
def grpc_client(bounded_server: ModelServer) -> Iterator[Any]:
    options = bounded_server.options
    with tritonclient.grpc.InferenceServerClient(f"{options.host}:{options.grpc_port}") as client:
        yield client


def statistics(client: Any) -> dict[str, dict[str, float]]:
    """Return what the steps did so far: seconds in queues and at work, and requests that succeeded."""
    found = {}
    for model in client.get_inference_statistics(as_json=True)["model_stats"]:
        if model["name"] in EXECUTED_MODELS:
            told = model["inference_stats"]
            seconds = {name: int(told[name].get("ns", 0)) / 1e9 for name in ("success", "queue")}
            found[model["name"]] = {
                "queued_s": seconds["queue"],
                "worked_s": seconds["success"] - seconds["queue"],
                "succeeded": int(told["success"].get("count", 0)),
            }
    return found


def since(before: dict[str, dict[str, float]], client: Any) -> dict[str, dict[str, float]]:
    return {
        model: {name: value - before[model][name] for name, value in each.items()}
        for model, each in statistics(client).items()
    }


def uint8_input(name: str, array: NDArray[Any]) -> Any:
    tensor = tritonclient.grpc.InferInput(name, list(array.shape), "UINT8")
    tensor.set_data_from_numpy(array)
    return tensor


@pytest.fixture
def threshold_inputs(grpc_client: Any, grace_hopper_jpeg: bytes) -> list[Any]:
    """Return what the threshold step takes."""
    prepared = grpc_client.infer("skin_mask", [uint8_input("IMAGE", np.frombuffer(grace_hopper_jpeg, np.uint8))])
    network_input = prepared.as_numpy("INPUT")
    geometry = prepared.as_numpy("GEOMETRY")
    packed = tritonclient.grpc.InferInput("GEOMETRY", list(geometry.shape), "FP32")
    packed.set_data_from_numpy(geometry)
    probability = np.ascontiguousarray(network_input[:, 0])
    return [uint8_input("PROBABILITY", probability), uint8_input("INPUT", network_input), packed]


def test_request_waits_no_longer_than_the_one_before_it_is_worked_on(
    threshold_inputs: list[Any], grpc_client: Any
) -> None:
    """With a queue policy Triton 2.51 lets one of a few wait for half a second, beside a free instance."""

    def ask(_: int) -> None:
        grpc_client.infer("threshold", threshold_inputs)

    ask(0)
    began_s = time.perf_counter()
    ask(0)
    one_s = time.perf_counter() - began_s
    pairs = []
    with ThreadPoolExecutor(2) as callers:
        for number in range(PAIRS):
            before = statistics(grpc_client)
            first = callers.submit(ask, 0)
            time.sleep(one_s / 2 * number / PAIRS)
            callers.submit(ask, 1).result()
            first.result()
            pairs.append(since(before, grpc_client)["threshold"])
    usual = sorted(pairs, key=lambda pair: pair["queued_s"])[:-STRAYS]
    # The second waits for the first: half of the work at most, and a little for the hand-over.
    assert sum(pair["queued_s"] for pair in usual) < 0.9 * sum(pair["worked_s"] for pair in usual)


def test_no_network_runs_for_a_photograph_whose_grpc_deadline_passed_before_it_was_prepared(
    bounded_server: ModelServer, grpc_client: Any, grace_hopper_jpeg: bytes
) -> None:
    infer(bounded_server, grace_hopper_jpeg)
    began_s = time.perf_counter()
    infer(bounded_server, grace_hopper_jpeg)
    deadline_s = 3 * (time.perf_counter() - began_s)
    photo = uint8_input("IMAGE", np.frombuffer(grace_hopper_jpeg, np.uint8))

    def outcome(timeout_s: float) -> str:
        try:
            grpc_client.infer("wrinkle_unetpp", [photo], client_timeout=timeout_s)
        except InferenceServerException as error:
            return str(error.status())
        return "answered"

    for _ in range(DEADLINES):
        before = statistics(grpc_client)
        with ThreadPoolExecutor(CROWD) as callers:
            outcomes = Counter(callers.map(outcome, [deadline_s] * CROWD))
        assert set(outcomes) <= {"answered", "StatusCode.DEADLINE_EXCEEDED"}
        prepared_in_time = since(before, grpc_client)["skin_mask"]["succeeded"]
        assert infer(bounded_server, grace_hopper_jpeg)[0] == http.client.OK  # is behind them all
        run = since(before, grpc_client)["unetpp"]["succeeded"] - 1
        assert run <= prepared_in_time + AT_WORK
        if run < CROWD - 2 * AT_WORK:
            return
        deadline_s /= 2
    pytest.fail("Whatever the deadline, nearly all were prepared before it passed, so nothing was seen.")
