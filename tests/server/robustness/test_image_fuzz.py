"""Hostile images through the live server: each gets a mask or a typed error, and the server stays as it was.

The seed is fixed, so a failure can be run again: the message names the file's index.
"""

from __future__ import annotations

import io
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc
from numpy.typing import NDArray
from PIL import Image
from tritonclient.utils import InferenceServerException

from image_fuzzer import hostile_file, real_files
from live_server import options_on_free_ports, serving
from server_memory import ServerProcesses
from timeless import timeless
from wrinkle_core.errors import InvalidInputError, InvalidParameterError, WrinkleError, error_codes, from_wire
from wrinkle_server.triton.model_server import ModelServer
from wrinkle_server.triton.raw_inference import infer_raw

pytestmark = pytest.mark.live

SEED = 20_261_122
WARM_UP_REQUESTS = 100
CONCURRENCY = 4
MAX_GROWTH = 0.10
FAULTS_OF_A_FILE = {
    code
    for code, error in error_codes().items()
    if issubclass(error, InvalidInputError) and not issubclass(error, InvalidParameterError)
}
Send = Callable[[bytes], Mapping[str, bytes]]


@pytest.fixture(scope="module")
def files(astronaut_rgb: NDArray[np.uint8], grace_hopper_jpeg: bytes) -> dict[str, bytes]:
    hopper_rgb = np.asarray(Image.open(io.BytesIO(grace_hopper_jpeg)))
    return real_files({"astronaut": astronaut_rgb, "hopper": hopper_rgb})


@pytest.fixture
def server(repository_of_unetpp: Path, tmp_path: Path) -> Iterator[ModelServer]:
    """Return a fresh server: its memory is compared with what it was."""
    with serving(options_on_free_ports(repository_of_unetpp, tmp_path / "triton.log", "unetpp")) as running:
        yield running


@pytest.fixture
def senders(server: ModelServer) -> Iterator[tuple[Send, Send]]:
    options = server.options

    def over_http(photo: bytes) -> Mapping[str, bytes]:
        return infer_raw(options.host, options.http_port, "wrinkle_unetpp", photo, 60.0)

    with tritonclient.grpc.InferenceServerClient(f"{options.host}:{options.grpc_port}") as client:
        yield over_http, lambda photo: over_grpc(client, photo)


def over_grpc(client: Any, photo: bytes) -> Mapping[str, bytes]:
    tensor = tritonclient.grpc.InferInput("IMAGE", [len(photo)], "UINT8")
    tensor.set_data_from_numpy(np.frombuffer(photo, np.uint8))
    try:
        answer = client.infer("wrinkle_unetpp", [tensor], client_timeout=60.0)
    except InferenceServerException as error:
        raise from_wire(str(error)) or error from None
    return {name: answer.as_numpy(name).tobytes() for name in ("MASK_PNG", "REPORT_JSON")}


def outcome(send: Send, photo: bytes) -> str:
    """Return what the server made of a file: ``mask``, or the code of a typed error of the server."""
    try:
        outputs = send(photo)
    except WrinkleError as error:
        return error.code
    report = json.loads(outputs["REPORT_JSON"])
    mask = Image.open(io.BytesIO(outputs["MASK_PNG"]))
    assert (mask.mode, mask.size) == ("1", (report["image_width_px"], report["image_height_px"]))
    return "mask"


def fuzz(senders: tuple[Send, Send], files: Mapping[str, bytes], seed: int, count: int) -> Counter[str]:
    """Send ``count`` files, every other one over gRPC, and return how often each outcome came."""

    def one(index: int) -> str:
        description, photo = hostile_file(files, seed, index)
        came = outcome(senders[index % 2], photo)
        assert came in FAULTS_OF_A_FILE | {"mask"}, f"{came} for file {index} of seed {seed}: {description}"
        return came

    with ThreadPoolExecutor(CONCURRENCY) as clients:
        return Counter(clients.map(one, range(count)))


@pytest.mark.parametrize("requests", [400, pytest.param(1000, marks=pytest.mark.slow)])
def test_hostile_images_are_answered_and_leave_the_server_as_it_was(
    requests: int,
    server: ModelServer,
    senders: tuple[Send, Send],
    files: dict[str, bytes],
) -> None:
    whole = [files["hopper jpeg"], files["astronaut png"], files["hopper heif"]]
    expected = [timeless(send(photo)) for photo in whole for send in senders]
    fuzz(senders, files, SEED + 1, WARM_UP_REQUESTS)
    processes = ServerProcesses.of(server)
    warm_bytes = processes.resident_bytes()

    outcomes = fuzz(senders, files, SEED, requests)

    grown = processes.resident_bytes() / warm_bytes - 1.0
    sys.stdout.write(f"{dict(outcomes)}; {warm_bytes / 2**20:.0f} MiB after warm-up, grown by {grown:.1%}\n")
    assert outcomes["mask"] > requests / 10
    assert len(outcomes) > 5
    assert ServerProcesses.of(server) == processes, "a step died"
    assert grown < MAX_GROWTH
    assert [timeless(send(photo)) for photo in whole for send in senders] == expected
    assert_log_is_short(server)


def assert_log_is_short(server: ModelServer) -> None:
    assert server.options.log_path is not None
    assert server.options.log_path.stat().st_size < 500_000
