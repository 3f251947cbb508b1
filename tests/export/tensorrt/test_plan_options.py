from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wrinkle_core.errors import InvalidParameterError
from wrinkle_export.tensorrt.plan_options import PlanOptions
from wrinkle_export.tensorrt.trtexec import trtexec_line


@pytest.mark.parametrize("batches", [(0, 1, 1), (2, 1, 4), (1, 8, 4), (1, 1, 65)])
def test_batches_out_of_order_or_range_are_refused(batches: tuple[int, int, int]) -> None:
    with pytest.raises(InvalidParameterError, match="1 <= min <= opt <= max <= 64"):
        PlanOptions(*batches)


@pytest.mark.parametrize("wrong", [{"workspace_mib": 1}, {"hardware_compatibility": "turing_plus"}])
def test_a_value_out_of_range_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterError, match=str(next(iter(wrong.values())))):
        PlanOptions(**wrong)


def test_the_trtexec_line_asks_for_the_same_plan() -> None:
    options = PlanOptions(1, 2, 8, 2048, "ampere_plus", version_compatible=True)
    line = trtexec_line(Path("build/unetpp/onnx-fp16/abc/model.onnx"), (3, 512, 512), options, Path("t/l4.timing"))
    assert line == (
        "trtexec --onnx=build/unetpp/onnx-fp16/abc/model.onnx --saveEngine=model.plan --stronglyTyped --noTF32 "
        "--minShapes=INPUT:1x3x512x512 --optShapes=INPUT:2x3x512x512 --maxShapes=INPUT:8x3x512x512 "
        "--memPoolSize=workspace:2048 --hardwareCompatibilityLevel=ampere+ --versionCompatible "
        "--timingCacheFile=t/l4.timing --skipInference"
    )


def test_options_can_be_given_again_on_the_command_line() -> None:
    arguments = PlanOptions(1, 2, 8, 2048, "ampere_plus", version_compatible=True).arguments
    assert arguments[:4] == ["--min-batch", "1", "--opt-batch", "2"]
    assert arguments[-3:] == ["--hardware-compatibility", "ampere_plus", "--version-compatible"]
