"""Request parameters reach the threshold step over both protocols."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from timeless import timeless
from wrinkle_core.contract import SegmenterContract
from wrinkle_core.postprocess import ThresholdOptions

pytestmark = pytest.mark.live


def marked(png: bytes) -> int:
    return int(np.count_nonzero(np.asarray(Image.open(io.BytesIO(png)))))


def test_probability_map_comes_only_when_asked_for(spec: SegmenterContract, ask: Any, grace_hopper_jpeg: bytes) -> None:
    assert ask(spec.ensemble, grace_hopper_jpeg)["PROBABILITY_PNG"] == b""
    asked = ask(spec.ensemble, grace_hopper_jpeg, {"probability": True})["PROBABILITY_PNG"]
    assert Image.open(io.BytesIO(asked)).size == Image.open(io.BytesIO(grace_hopper_jpeg)).size


@pytest.mark.parametrize("threshold", [0.25, 0.7])
def test_threshold_of_the_request_is_the_one_applied(
    threshold: float, spec: SegmenterContract, ask: Any, in_process: Any, grace_hopper_jpeg: bytes
) -> None:
    answered = ask(spec.ensemble, grace_hopper_jpeg, {"threshold": threshold})
    assert answered["MASK_PNG"] == in_process(spec, grace_hopper_jpeg, ThresholdOptions(threshold=threshold)).mask_png
    assert json.loads(answered["REPORT_JSON"])["threshold"] == pytest.approx(threshold)


def test_lower_threshold_marks_more(ask: Any, grace_hopper_jpeg: bytes) -> None:
    few, more = (
        marked(ask("wrinkle_unetpp", grace_hopper_jpeg, {"threshold": level})["MASK_PNG"]) for level in (0.6, 0.3)
    )
    assert 0 < few < more


def test_parameter_may_come_as_text(ask: Any, grace_hopper_jpeg: bytes) -> None:
    as_text = ask("wrinkle_unetpp", grace_hopper_jpeg, {"threshold": "0.3", "probability": "true"})
    as_number = ask("wrinkle_unetpp", grace_hopper_jpeg, {"threshold": 0.3, "probability": True})
    assert timeless(as_text) == timeless(as_number)
