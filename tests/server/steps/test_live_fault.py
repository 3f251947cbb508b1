"""An error that nobody foresaw is told as a fault of the server: neither the caller nor the log sees its message."""

from __future__ import annotations

import http.client
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from live_server import options_on_free_ports, serving
from step_server import counters, infer, step_log_lines
from wrinkle_core.errors import from_wire
from wrinkle_server.triton.model_server import ModelServer

pytestmark = pytest.mark.live

FAULTS = 'wrinkle_failed_requests_total{code="SERVER_FAULT",model="threshold"}'
FAILS_AT_ONE_THRESHOLD = """
from wrinkle_server.steps import threshold_step

whole = threshold_step.postprocess


def postprocess(probability, network_input, geometry, options):
    if options.threshold == 0.125:
        raise LookupError("the face of Jane Doe")
    return whole(probability, network_input, geometry, options)


threshold_step.postprocess = postprocess
TritonPythonModel = threshold_step.ThresholdStep
"""


@pytest.fixture(scope="module")
def faulty_server(small_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    folder = tmp_path_factory.mktemp("faulty")
    repository = Path(shutil.copytree(small_repository, folder / "repository"))
    (repository / "threshold" / "1" / "model.py").write_text(FAILS_AT_ONE_THRESHOLD, encoding="utf-8")
    with serving(options_on_free_ports(repository, folder / "triton.log", "unetpp")) as server:
        yield server


def test_unforeseen_error_is_told_without_its_message(faulty_server: ModelServer, grace_hopper_jpeg: bytes) -> None:
    before = counters(faulty_server)[FAULTS]
    status, text = infer(faulty_server, grace_hopper_jpeg, request_id="r-1", parameters={"threshold": 0.125})
    assert status == http.client.INTERNAL_SERVER_ERROR
    error = from_wire(text)
    assert error is not None
    assert error.code == "SERVER_FAULT"
    assert counters(faulty_server)[FAULTS] == before + 1
    log_path = faulty_server.options.log_path
    assert log_path is not None
    deadline = time.monotonic() + 30.0
    while not (lines := step_log_lines(log_path)) and time.monotonic() < deadline:
        time.sleep(0.05)
    (line,) = lines
    assert (line["code"], line["type"], line["request_id"]) == ("SERVER_FAULT", "LookupError", "r-1")
    assert line["at"][-1].endswith(" postprocess")
    for told in (text, log_path.read_text(encoding="utf-8")):
        assert "Jane" not in told


def test_request_after_the_fault_is_answered(faulty_server: ModelServer, grace_hopper_jpeg: bytes) -> None:
    infer(faulty_server, grace_hopper_jpeg, parameters={"threshold": 0.125})
    assert infer(faulty_server, grace_hopper_jpeg)[0] == http.client.OK
