"""The steps' own counters on the live metrics page count what happened, also after a model was loaded again."""

from __future__ import annotations

import http.client

import pytest

from step_server import counters, infer
from wrinkle_server.triton.model_server import ModelServer

pytestmark = pytest.mark.live


def failed(code: str) -> str:
    return f'wrinkle_failed_requests_total{{code="{code}",model="skin_mask"}}'


FACES = 'wrinkle_faces_found_total{model="skin_mask"}'
SMALL_FACES = 'wrinkle_capture_warnings_total{model="skin_mask",warning="FACE_TOO_SMALL"}'


def test_failures_are_shown_at_zero_before_the_first(bounded_server: ModelServer) -> None:
    shown = counters(bounded_server)
    for code in ("NO_FACE", "OVERLOADED", "TRUNCATED_IMAGE", "SERVER_FAULT"):
        assert failed(code) in shown
    for model in ("unetpp", "threshold"):
        assert f'wrinkle_failed_requests_total{{code="CONTRACT_MISMATCH",model="{model}"}}' in shown


def test_no_label_grows_with_instances_processes_or_callers(bounded_server: ModelServer) -> None:
    for name in counters(bounded_server):
        labels = name.partition("{")[2].rstrip("}").split(",")
        assert {label.partition("=")[0] for label in labels} <= {"model", "code", "warning"}


def test_faces_and_failures_count_over_all_instances_and_through_a_reload(
    bounded_server: ModelServer, grace_hopper_jpeg: bytes
) -> None:
    photos = {"": grace_hopper_jpeg, "INVALID_IMAGE": b"no photograph", "TRUNCATED_IMAGE": grace_hopper_jpeg[:9000]}
    before = counters(bounded_server)
    for round_number in (1, 2):
        for photo in photos.values():
            for _ in range(4):
                infer(bounded_server, photo)
        counted = {name: value - before.get(name, 0.0) for name, value in counters(bounded_server).items()}
        assert counted[FACES] == 4 * round_number
        assert counted[SMALL_FACES] == 4 * round_number, "the face is 300 px high"
        for code in ("INVALID_IMAGE", "TRUNCATED_IMAGE"):
            assert counted[failed(code)] == 4 * round_number
        assert counted[failed("NO_FACE")] == 0
        bounded_server.admin.reload("skin_mask", f"round {round_number}")
    assert infer(bounded_server, grace_hopper_jpeg)[0] == http.client.OK


def test_every_counter_has_a_help_text_and_a_type(bounded_server: ModelServer, grace_hopper_jpeg: bytes) -> None:
    infer(bounded_server, grace_hopper_jpeg)
    page = bounded_server.admin.metrics()
    names = {name.partition("{")[0] for name in counters(bounded_server)}
    assert names == {
        "wrinkle_failed_requests_total",
        "wrinkle_faces_found_total",
        "wrinkle_capture_warnings_total",
    }
    for name in names:
        assert page.count(f"# TYPE {name} counter\n") == 1
        assert page.count(f"# HELP {name} ") == 1
