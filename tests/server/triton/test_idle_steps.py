"""A server that stops is done once its steps are, however short their calls."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from wrinkle_server.steps.activity import Activity
from wrinkle_server.triton.idle_steps import IdleSteps

PAUSE_S = 2.0


def test_only_time_without_a_call_counts_as_idle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    step = Activity(tmp_path, model="threshold", instance="threshold_0_0")
    steps = IdleSteps(tmp_path)
    assert steps.idle_s() == 0.0
    now_s += PAUSE_S
    assert steps.idle_s() == PAUSE_S
    with step.busy():
        assert steps.idle_s() == 0.0
        now_s += PAUSE_S
        assert steps.idle_s() == 0.0
    assert steps.idle_s() == 0.0
    now_s += PAUSE_S
    with step.busy():
        pass  # over before the next look
    assert steps.idle_s() == 0.0
