from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import astuple, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrinkle_core.contract import CONTRACT_VERSION
from wrinkle_core.errors import ContractError
from wrinkle_core.geometry import CaptureQuality
from wrinkle_core.report import MAX_REPORT_BYTES, QualityWarning, RegionFigures, Report
from wrinkle_core.step_timings import StepTimings

QUALITY = CaptureQuality(612.5, -3.25, 4.0, 0.5, 11.0, 0.55, 0.01, 0.0, 0.98, 1.0)
FOREHEAD = RegionFigures("forehead", 0.9, 0.05, 1.75, 1.25, 0.5, 0.11)
HIDDEN = RegionFigures("chin", 0.0, None, None, None, None, None)
REPORT = Report(
    contract_version=CONTRACT_VERSION,
    segmenter="unetpp",
    threshold=0.4,
    image_width_px=1000,
    image_height_px=800,
    interocular_distance_px=151.5,
    whole_face=replace(FOREHEAD, name="whole_face"),
    regions=(FOREHEAD, HIDDEN),
    quality=QUALITY,
    warnings=(QualityWarning("SMALL_FACE", "The face is 300 px high; 400 px or more is better — “closer”."),),
)

finite = st.floats(allow_nan=False, allow_infinity=False, width=32)
figure = st.none() | finite
regions = st.builds(RegionFigures, st.text(min_size=1), finite, figure, figure, figure, figure, figure)


def changed(edit: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(REPORT.to_json())
    edit(document)
    return json.dumps(document).encode()


@given(region=regions, quality=st.builds(CaptureQuality, *[finite] * len(astuple(QUALITY))), threshold=finite)
def test_a_report_reads_back_as_it_was_written(
    region: RegionFigures, quality: CaptureQuality, threshold: float
) -> None:
    report = replace(REPORT, regions=(region, HIDDEN), quality=quality, threshold=threshold)

    assert Report.from_json(report.to_json()) == report


def test_step_timings_travel_and_are_no_part_of_a_comparison() -> None:
    timed = replace(REPORT, step_timings=StepTimings(14.25, None, 3.5))

    assert Report.from_json(timed.to_json()).step_timings == timed.step_timings
    assert timed == REPORT


def test_json_is_compact_utf8_with_null_for_a_region_that_is_not_visible() -> None:
    data = REPORT.to_json()

    assert b'"line_length_iod":null' in data
    assert "“closer”".encode() in data
    assert b", " not in data.replace(b"high; 400", b"")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_figure_that_is_not_finite_is_never_written(value: float) -> None:
    with pytest.raises(ContractError, match="not finite"):
        replace(REPORT, threshold=value).to_json()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"{",
        b"[" * 100_000,
        REPORT.to_json()[:-1] + b',"threshold":0.5}',
        REPORT.to_json().replace(b'"threshold":0.4', b'"threshold":NaN'),
        REPORT.to_json().replace(b'"threshold":0.4', b'"threshold":1e999'),
        REPORT.to_json().replace(b'"threshold":0.4', b'"threshold":1' + b"0" * 400),
        REPORT.to_json().replace(b'"threshold":0.4', b'"threshold":1' + b"0" * 5000),
        changed(lambda d: d.update(extra=1)),
        changed(lambda d: d.pop("regions")),
        changed(lambda d: d.update(contract_version=CONTRACT_VERSION + 1)),
        changed(lambda d: d.update(contract_version=True)),
        changed(lambda d: d.update(image_width_px=0)),
        changed(lambda d: d.update(image_width_px=10.5)),
        changed(lambda d: d.update(threshold="0.4")),
        changed(lambda d: d.update(threshold=None)),
        changed(lambda d: d.update(segmenter="")),
        changed(lambda d: d.update(regions={})),
        changed(lambda d: d["regions"][0].update(name=3)),
        changed(lambda d: d["regions"][0].update(visible_fraction=None)),
        changed(lambda d: d["regions"][0].pop("mean_probability")),
        changed(lambda d: d["quality"].update(yaw_deg=False)),
        changed(lambda d: d["quality"].update(mood=1)),
        changed(lambda d: d["warnings"].append("dark")),
        changed(lambda d: d.pop("step_timings")),
        changed(lambda d: d["step_timings"].update(segment_ms="fast")),
        changed(lambda d: d["step_timings"].pop("segment_ms")),
        b" " * (MAX_REPORT_BYTES + 1),
    ],
)
def test_anything_but_a_report_of_this_contract_is_refused(data: bytes) -> None:
    with pytest.raises(ContractError):
        Report.from_json(data)


@given(st.binary(max_size=300))
def test_random_bytes_never_raise_anything_but_a_contract_error(data: bytes) -> None:
    with pytest.raises(ContractError):
        Report.from_json(data)


def test_a_report_of_another_contract_version_names_both_versions() -> None:
    with pytest.raises(ContractError, match=f"version 77, this client speaks {CONTRACT_VERSION}: this client is older"):
        Report.from_json(changed(lambda d: d.update(contract_version=77)))


def test_the_client_can_import_the_report_without_the_imaging_libraries() -> None:
    code = "import sys, wrinkle_core.report; print(sorted({'cv2','PIL','openvino','skimage'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
