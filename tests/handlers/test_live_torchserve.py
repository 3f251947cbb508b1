"""The handler inside a real TorchServe, spoken to by the SDK."""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import re
import stat
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray
from PIL import Image

from encoded_images import FILES, encoded
from wrinkle_client import (
    NO_RETRIES,
    AsyncClient,
    Client,
    Health,
    ImageTooLargeError,
    InvalidImageError,
    InvalidParameterError,
    Limits,
    ModelNotFoundError,
    NoFaceError,
    SegmentationResult,
    UnauthorizedError,
    WrinkleError,
)
from wrinkle_core.contract import CONTRACT_VERSION, DEFAULT_MAX_ENCODED_BYTES, segmenter
from wrinkle_core.inference import OnnxSegmenter
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.pipeline import segment_bytes
from wrinkle_core.postprocess import Answer
from wrinkle_core.report import Report
from wrinkle_export.repository.choice import bundled_network
from wrinkle_handlers.server.management import Management
from wrinkle_handlers.server.torchserve import TorchServe

pytestmark = [pytest.mark.live, pytest.mark.needs("java")]

ALL_OUTPUTS = {"probability": True, "skin_mask": True, "geometry": True, "timeout_s": 120.0}
MODELS = ("unetpp", "unet_texture")
BATCH_WAIT_S = 0.3  # of conftest's archives


def pixels(png: bytes) -> NDArray[np.uint8]:
    return np.array(Image.open(io.BytesIO(png))).astype(np.uint8)


def overlap(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    return float(np.logical_and(one, other).sum() / np.logical_or(one, other).sum())


def metric(server: TorchServe, name: str, **labels: str) -> float:
    """Return a counter summed over the labels that are not named."""
    connection = http.client.HTTPConnection("127.0.0.1", server.options.metrics_port, timeout=10)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    found = (line for line in lines if line.startswith(f"{name}{{") and all(label in line for label in wanted))
    return sum(float(line.rsplit(" ", 1)[1]) for line in found)


def risen(server: TorchServe, name: str, before: float, by: float, **labels: str) -> bool:
    """Return whether a counter rises by so much: TorchServe reads a worker's metrics a moment after its answer."""
    ends_s = time.monotonic() + 10
    while metric(server, name, **labels) < before + by and time.monotonic() < ends_s:
        time.sleep(0.1)
    return metric(server, name, **labels) == before + by


def wait_until_taken(server: TorchServe, model: str, asked_before: float) -> None:
    """Return once the stopped worker was given the next request, by itself: later ones form another batch."""
    ends_s = time.monotonic() + 30
    while metric(server, "ts_inference_requests_total", model_name=model) <= asked_before:
        assert time.monotonic() < ends_s, "no request came"
        time.sleep(0.05)
    time.sleep(4 * BATCH_WAIT_S)


@contextmanager
def stopped_worker(server: TorchServe, model: str) -> Iterator[None]:
    """Let a model's worker stand still inside the block: what comes meanwhile waits."""
    (worker,) = server.management.workers(model)
    process = psutil.Process(worker.pid)
    process.suspend()
    try:
        yield
    finally:
        if process.is_running():
            process.resume()


@pytest.fixture(scope="module")
def photographs(grace_hopper_jpeg: bytes, astronaut_rgb: NDArray[np.uint8]) -> tuple[bytes, ...]:
    turned = encoded(Image.fromarray(np.ascontiguousarray(astronaut_rgb[:, ::-1])), "PNG")
    return grace_hopper_jpeg, encoded(Image.fromarray(astronaut_rgb), "PNG"), turned


def test_client_waits_for_both_models_and_learns_what_serves_them(torchserve: TorchServe, client: Client) -> None:
    client.wait_ready(60.0)
    assert client.health() == Health(live=True, ready=True)
    assert [(model.name, model.ready, model.versions) for model in client.models(timeout_s=30.0)] == [
        (name, True, ("1",)) for name in MODELS
    ]
    info = client.server_info(timeout_s=30.0)
    assert (info.name, info.version, info.contract_version) == ("torchserve", "0.12.0", CONTRACT_VERSION)


@pytest.mark.parametrize("model", MODELS)
def test_answer_is_that_of_core_over_the_same_torch_network(
    client: Client, torch_reference: Callable[[bytes, str], Answer], grace_hopper_jpeg: bytes, model: str
) -> None:
    result = client.segment(grace_hopper_jpeg, model=model, request_id="one:1", **ALL_OUTPUTS)  # type: ignore[arg-type]
    expected = torch_reference(grace_hopper_jpeg, model)
    assert result.mask.any()
    np.testing.assert_array_equal(result.mask, pixels(expected.mask_png))
    assert result.probability is not None
    np.testing.assert_array_equal(np.rint(result.probability * 255), pixels(expected.probability_png))
    assert result.skin_mask is not None
    np.testing.assert_array_equal(result.skin_mask, pixels(expected.skin_mask_png))
    assert result.report == Report.from_json(expected.report_json)
    assert result.geometry is not None
    assert result.geometry.segmenter == segmenter(model)
    assert (result.model_version, result.request_id) == ("1", "one:1")
    assert all(
        value is not None and value > 0
        for value in (
            result.report.step_timings.preprocess_ms,
            result.report.step_timings.segment_ms,
            result.report.step_timings.threshold_ms,
        )
    )


@pytest.mark.parametrize("model", MODELS)
def test_mask_is_that_of_the_served_onnx_network(
    torchserve: TorchServe, face_landmarker: FaceLandmarker, grace_hopper_jpeg: bytes, model: str
) -> None:
    async def ask() -> SegmentationResult:
        async with AsyncClient(torchserve.url, token=torchserve.token) as opened:
            return await opened.segment(grace_hopper_jpeg, model=model, timeout_s=120.0)

    onnx = OnnxSegmenter(bundled_network(model))
    expected = segment_bytes(grace_hopper_jpeg, segmenter(model), face_landmarker, onnx)
    assert overlap(asyncio.run(ask()).mask, pixels(expected.mask_png)) >= 0.99


def test_threshold_of_the_request_is_applied(client: Client, grace_hopper_jpeg: bytes) -> None:
    low, high = (client.segment(grace_hopper_jpeg, threshold=value, timeout_s=60.0) for value in (0.2, 0.8))
    assert (low.report.threshold, high.report.threshold) == (0.2, 0.8)
    assert 0 < high.mask.sum() < low.mask.sum()
    assert (low.mask >= high.mask).all()


def test_bad_image_in_a_batch_gets_its_own_error_and_the_others_their_own_masks(
    torchserve: TorchServe, photographs: tuple[bytes, ...], torch_reference: Callable[[bytes, str], Answer]
) -> None:
    model = {"ModelName": "wrinkle_unetpp"}
    counters: tuple[tuple[str, dict[str, str], int], ...] = (
        ("wrinkle_batches_total", {**model, "Size": "4"}, 1),
        ("wrinkle_stage_seconds_count", {**model, "Stage": "network"}, 1),
        ("wrinkle_faces_found_total", model, 3),
        ("wrinkle_failed_requests_total", {**model, "Code": "TRUNCATED_IMAGE"}, 1),
    )
    before = [metric(torchserve, name, **labels) for name, labels, _ in counters]
    files = (photographs[0], photographs[1], FILES["jpeg"][:200], photographs[2])

    def ask(photo: bytes) -> SegmentationResult | WrinkleError:
        try:
            return opened.segment(photo, probability=True, timeout_s=120.0)
        except WrinkleError as error:
            return error

    with (
        Client(torchserve.url, token=torchserve.token, retry=NO_RETRIES) as opened,
        ThreadPoolExecutor(len(files) + 1) as threads,
        stopped_worker(torchserve, "wrinkle_unetpp"),
    ):
        asked = metric(torchserve, "ts_inference_requests_total", model_name="wrinkle_unetpp")
        threads.submit(ask, b"an unreadable file that the stopped worker is given first")
        wait_until_taken(torchserve, "wrinkle_unetpp", asked)
        calls = [threads.submit(ask, photo) for photo in files]
        while torchserve.management.waiting("wrinkle_unetpp") < len(files):
            time.sleep(0.05)
    answers = [call.result() for call in calls]
    assert isinstance(answers[2], InvalidImageError)
    assert answers[2].code == "TRUNCATED_IMAGE"
    for place in (0, 1, 3):
        answer = answers[place]
        assert isinstance(answer, SegmentationResult)
        assert answer.probability is not None
        expected = pixels(torch_reference(files[place], "unetpp").probability_png)
        # Kernels for a batch may round otherwise than those for one picture.
        assert np.abs(np.rint(answer.probability * 255) - expected).max() <= 2
    for (name, labels, by), value in zip(counters, before, strict=True):
        assert risen(torchserve, name, value, by, **labels), name


def test_refusals_have_the_same_types_as_on_triton(
    torchserve: TorchServe, client: Client, grace_hopper_jpeg: bytes
) -> None:
    with pytest.raises(NoFaceError):
        client.segment(FILES["png"])
    with pytest.raises(InvalidImageError, match="no image that can be recognised"):
        client.segment(b"\x00" * 100)
    with pytest.raises(ModelNotFoundError):
        client.segment(grace_hopper_jpeg, model_version="7")
    with pytest.raises(InvalidParameterError, match="prepare='client' is for Triton"):
        client.segment(grace_hopper_jpeg, prepare="client")
    with pytest.raises(InvalidParameterError, match="no compressed bodies"):
        client.segment(grace_hopper_jpeg, compression="gzip")


def test_body_over_the_limit_is_refused(torchserve: TorchServe) -> None:
    limits = Limits(max_encoded_bytes=2 * DEFAULT_MAX_ENCODED_BYTES)
    large = b"\xff\xd8\xff" + bytes(DEFAULT_MAX_ENCODED_BYTES + 1024 * 1024)
    with Client(torchserve.url, token=torchserve.token, limits=limits) as opened:
        with pytest.raises(ImageTooLargeError):
            opened.segment(large, timeout_s=60.0)
        assert opened.health().live


@pytest.mark.parametrize("token", ["wrong-token", None])
def test_wrong_token_is_unauthorized_everywhere(
    torchserve: TorchServe, token: str | None, grace_hopper_jpeg: bytes
) -> None:
    with Client(torchserve.url, token=token) as opened:
        for call in (lambda: opened.segment(grace_hopper_jpeg), opened.health, opened.models):
            with pytest.raises(UnauthorizedError, match="does not accept the token"):
                call()


def test_management_is_on_no_network_and_answers_to_its_own_key_alone(torchserve: TorchServe) -> None:
    processes = [psutil.Process(torchserve.process_id), *psutil.Process(torchserve.process_id).children()]
    listening = {
        (str(each.laddr[0]).removeprefix("::ffff:"), each.laddr[1])
        for process in processes
        for each in process.net_connections("tcp")
        if each.status == psutil.CONN_LISTEN
    }
    assert {address for address, _ in listening} == {"127.0.0.1"}
    assert {torchserve.options.port, torchserve.options.metrics_port} < {port for _, port in listening}
    assert len(listening) == 4  # and gRPC's two
    assert [worker.ready for worker in torchserve.management.workers("wrinkle_unetpp")] == [True]
    for key in ("", "wrong", torchserve.token):
        status, body = Management(torchserve.run.management_socket, key).get("/models")
        assert (status, json.loads(body)["type"]) == (400, "InvalidKeyException")
    for port in (torchserve.options.port, torchserve.options.metrics_port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/models", headers={"Authorization": f"Bearer {torchserve.token}"})
        assert connection.getresponse().status in (404, 405)
        connection.close()


def test_keys_are_private_and_in_no_log(torchserve: TorchServe) -> None:
    run, log = torchserve.run, torchserve.options.log_path
    for path, mode in ((run.folder, 0o700), (run.keys, 0o600), (run.token, 0o600), (log, 0o640)):
        assert stat.S_IMODE(path.stat().st_mode) == mode
    keys = [each["key"] for each in json.loads(run.keys.read_bytes()).values()]
    logs = [log, run.folder / "console.log"]
    text = "".join(Path(path).read_text(encoding="utf-8") for path in logs)
    assert '"event": "worker_ready"' in text
    assert not any(key in text for key in keys)
    assert not re.search(r"127\.0\.0\.1:\d+ ", text)  # no caller's address
    assert "Traceback" not in text


def test_killed_worker_is_replaced_and_the_call_that_it_died_with_succeeds(
    torchserve: TorchServe, grace_hopper_jpeg: bytes
) -> None:
    (killed,) = torchserve.management.workers("wrinkle_unetpp")
    assert killed.pid is not None
    with Client(torchserve.url, token=torchserve.token) as opened:
        expected = opened.segment(grace_hopper_jpeg, timeout_s=60.0)
        with ThreadPoolExecutor(1) as threads, stopped_worker(torchserve, "wrinkle_unetpp"):
            asked = metric(torchserve, "ts_inference_requests_total", model_name="wrinkle_unetpp")
            call = threads.submit(opened.segment, grace_hopper_jpeg, timeout_s=120.0)
            wait_until_taken(torchserve, "wrinkle_unetpp", asked)
            psutil.Process(killed.pid).kill()
            result = call.result()
    assert result.timings.attempts > 1
    np.testing.assert_array_equal(result.mask, expected.mask)
    (successor,) = torchserve.management.workers("wrinkle_unetpp")
    assert successor.ready
    assert successor.pid not in (None, killed.pid)
