"""Failed requests are one JSON line each, without content and within a budget; good ones are none."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from step_server import infer, step_log_lines
from wrinkle_server.steps.request_log import LINES_PER_SECOND, clean_request_id
from wrinkle_server.triton.model_server import ModelServer

pytestmark = pytest.mark.live

BUDGET_AGAIN_S = 1.1
WRITTEN_WITHIN_S = 30.0


def log_of(server: ModelServer) -> Path:
    assert server.options.log_path is not None
    return server.options.log_path


def new_lines(server: ModelServer, count: int, seen: int) -> list[dict[str, Any]]:
    """Return the lines after ``seen``, once there are ``count``: Triton writes its log behind the answer."""
    deadline = time.monotonic() + WRITTEN_WITHIN_S
    while len(lines := step_log_lines(log_of(server))) < seen + count:
        assert time.monotonic() < deadline, f"{len(lines) - seen} new lines, expected {count}"
        time.sleep(0.05)
    return lines[seen:]


def test_failed_request_is_one_line_that_names_it(bounded_server: ModelServer) -> None:
    time.sleep(BUDGET_AGAIN_S)
    seen = len(step_log_lines(log_of(bounded_server)))
    began = time.monotonic()
    infer(bounded_server, b"no photograph", request_id="caller-7")
    waited_s = time.monotonic() - began
    (line,) = new_lines(bounded_server, 1, seen)
    assert line.pop("instance") in {"skin_mask_0_0", "skin_mask_0_1"}
    assert 0.0 <= line.pop("seconds") < waited_s
    assert line == {
        "event": "request_failed",
        "model": "skin_mask",
        "code": "INVALID_IMAGE",
        "request_id": "caller-7",
    }


def test_good_request_is_not_logged(bounded_server: ModelServer, grace_hopper_jpeg: bytes) -> None:
    time.sleep(BUDGET_AGAIN_S)
    seen = len(step_log_lines(log_of(bounded_server)))
    infer(bounded_server, grace_hopper_jpeg, request_id="good")
    infer(bounded_server, b"no photograph", request_id="bad")
    assert [line["request_id"] for line in new_lines(bounded_server, 1, seen)] == ["bad"]


def test_request_id_can_neither_break_nor_forge_a_line(bounded_server: ModelServer) -> None:
    time.sleep(BUDGET_AGAIN_S)
    seen = len(step_log_lines(log_of(bounded_server)))
    hostile = 'x"}\nE1122 forged request_log.py:1] "{}"\r\t\x1b[31m\u2028' + "y" * 10_000
    infer(bounded_server, b"no photograph", request_id=hostile)
    (line,) = new_lines(bounded_server, 1, seen)
    assert line["request_id"] == "x___E1122_forged_request_log.py:1__________31m_" + "y" * 17


def test_clean_request_id_keeps_usual_ids_whole() -> None:
    for usual in ("", "42", "7f9c24e5-2f6d-4a37-9b8e-0c1d2e3f4a5b", "4bf92f3577b34da6a3ce929d0e0e4736:span.1"):
        assert clean_request_id(usual) == usual


def test_flood_of_bad_requests_is_cut_and_counted(bounded_server: ModelServer) -> None:
    time.sleep(BUDGET_AGAIN_S)
    seen = len(step_log_lines(log_of(bounded_server)))
    began = time.monotonic()
    for _ in range(150):
        infer(bounded_server, b"no photograph")
    seconds_touched = int(time.monotonic() - began) + 2
    time.sleep(BUDGET_AGAIN_S)
    sent, lines = 150, list[dict[str, Any]]()
    while told_of(lines) < sent:  # each instance tells what it left out
        assert sent < 190, f"{told_of(lines)} of {sent} failed requests are told or counted"
        infer(bounded_server, b"no photograph")
        sent += 1
        time.sleep(0.2)
        lines = step_log_lines(log_of(bounded_server))[seen:]
    assert told_of(lines) == sent
    assert len(lines) <= 2 * LINES_PER_SECOND * seconds_touched + sent - 150
    assert any("suppressed" in line for line in lines)


def told_of(lines: list[dict[str, Any]]) -> int:
    """Return of how many failed requests the lines tell, one by one or as a count."""
    return len(lines) + sum(int(line.get("suppressed", 0)) for line in lines)
