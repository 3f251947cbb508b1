from __future__ import annotations

from wrinkle_export.tensorrt.builder_log import BuilderLog, plain


def test_a_long_log_keeps_its_beginning_and_its_end() -> None:
    log = BuilderLog()
    for number in range(20_000):
        log.add("INFO", f"line {number}")
    lines = log.text.splitlines()
    assert lines[0] == "[INFO] line 0"
    assert lines[-1] == "[INFO] line 19999"
    assert "... 10000 lines dropped ..." in lines
    assert len(lines) == 10_001


def test_a_long_line_is_cut() -> None:
    log = BuilderLog()
    log.add("INFO", "x" * 1_000_000)
    assert len(log.text) < 3_000


def test_verbose_lines_are_dropped() -> None:
    log = BuilderLog()
    log.add("VERBOSE", "a tactic")
    assert log.text.strip() == ""


def test_a_complaint_is_told_without_the_place_in_tensorrts_source() -> None:
    message = (
        "ITensor::getDimensions: Error Code 4: API Usage Error (add: SUM must have same input types. But they are of "
        "types Half and Float. In validateTypes at /_src/optimizer/common/nodes/elementWiseNode.cpp:40)"
    )
    assert plain(message) == "add: SUM must have same input types. But they are of types Half and Float"


def test_the_missing_driver_is_no_complaint_of_the_graph() -> None:
    log = BuilderLog()
    log.add("ERROR", "Cuda Runtime (cudaError 35: CUDA driver version is insufficient for CUDA runtime version)")
    assert log.last_error == "TensorRT gave no reason."
