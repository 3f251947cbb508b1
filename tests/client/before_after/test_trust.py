"""When a comparison is doubted, and which changes count."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from wrinkle_client import NoFaceError, RegionFigures, Report
from wrinkle_client.before_after.comparison import FigureChange
from wrinkle_client.before_after.reliability import pair_warnings
from wrinkle_client.before_after.repeatability import SMALLEST_LIMIT, repeatability_limits, repeated_reports
from wrinkle_core.contract import CONTRACT_VERSION
from wrinkle_core.geometry import CaptureQuality
from wrinkle_core.report import QualityWarning

QUALITY = CaptureQuality(500.0, 0.0, 0.0, 0.0, 0.7, 0.5, 0.0, 0.0, 0.99, 1.0)
KEY = "wrinkled_area_fraction"


def report(fraction: float | None = 0.02, warnings: tuple[QualityWarning, ...] = (), **quality: float) -> Report:
    figures = RegionFigures("whole_face", 1.0, fraction, 1.0, 0.5, 0.5, 0.1)
    return Report(CONTRACT_VERSION, "unetpp", 0.5, 512, 512, 100.0, figures, (), replace(QUALITY, **quality), warnings)


@pytest.mark.parametrize(
    ("quality", "residual_iod", "code"),
    [
        ({"yaw_deg": 16.0}, 0.01, "POSE_DIFFERS"),
        ({"pitch_deg": -16.0}, 0.01, "POSE_DIFFERS"),
        ({"exposure": 0.65}, 0.01, "LIGHT_DIFFERS"),
        ({"sharpness": 0.5}, 0.01, "SHARPNESS_DIFFERS"),
        ({"face_height_px": 300.0}, 0.01, "RESOLUTION_DIFFERS"),
        ({}, 0.07, "ALIGNMENT_POOR"),
    ],
)
def test_what_differs_is_named_in_whichever_order(quality: dict[str, float], residual_iod: float, code: str) -> None:
    for pair in ((report(), report(0.02, (), **quality)), (report(0.02, (), **quality), report())):
        assert [warning.code for warning in pair_warnings(*pair, residual_iod)] == [code]


def test_photographs_taken_alike_raise_no_doubt_and_each_one_s_warnings_are_passed_on() -> None:
    alike = report(yaw_deg=5.0, exposure=0.55, sharpness=0.65, face_height_px=450.0)
    assert pair_warnings(report(), alike, 0.02) == ()
    blurred = report(warnings=(QualityWarning("BLURRED", "Focus."),))
    assert pair_warnings(report(), blurred, 0.02)[0].message == "In the photograph after: Focus."


def test_the_limit_is_2_77_times_the_pooled_deviation() -> None:
    spread = [0.020, 0.030, 0.040, 0.030, 0.030]
    limits = repeatability_limits([[report(value) for value in spread], [report(0.05)] * 5], (KEY,))
    expected = 2.77 * np.sqrt(np.var(spread, ddof=1) / 2)
    assert limits["whole_face", KEY] == pytest.approx(expected)
    assert repeatability_limits([[report(0.0)] * 5] * 2, (KEY,))["whole_face", KEY] == SMALLEST_LIMIT[KEY]


@pytest.mark.parametrize("series", [[[report(0.02)] * 3] * 2, [[report(0.02)] * 5, [report(None)] * 5]])
def test_too_few_measurements_give_no_limit(series: list[list[Report]]) -> None:
    assert repeatability_limits(series, (KEY,)) == {}


def test_copies_differ_a_little_and_one_without_a_face_is_left_out(astronaut_rgb: NDArray[np.uint8]) -> None:
    encoded = io.BytesIO()
    Image.fromarray(astronaut_rgb).save(encoded, "PNG")
    seen: list[NDArray[np.int16]] = []

    def segment(copy: bytes) -> Report:
        with Image.open(io.BytesIO(copy)) as image:
            seen.append(np.asarray(image.resize((512, 512)), np.int16))
        if len(seen) == 2:
            raise NoFaceError("none")
        return report()

    assert len(repeated_reports(encoded.getvalue(), segment)) == 4
    differences = [float(np.abs(copy - astronaut_rgb).mean()) for copy in seen]
    assert len(differences) == 5
    assert all(1 < difference < 30 for difference in differences)  # a turn moves the edges of the picture far


@pytest.mark.parametrize(
    ("before", "after", "limit", "verdict"),
    [
        (0.02, 0.03, 0.005, "beyond repeatability"),
        (0.03, 0.02, 0.005, "beyond repeatability"),
        (0.02, 0.024, 0.005, "within repeatability"),
        (0.02, None, 0.005, "unknown"),
        (0.02, 0.03, None, "unknown"),
    ],
)
def test_a_change_is_judged_by_the_limit(before: float, after: float | None, limit: float | None, verdict: str) -> None:
    assert FigureChange(KEY, before, after, limit).verdict == verdict
