"""Which loads a sweep runs."""

from __future__ import annotations

import pytest

from wrinkle_bench.perf_analyzer.run import PROTOCOLS
from wrinkle_bench.sweep.plan import QUICK, Plan, sweep_cases
from wrinkle_core.contract import SEGMENTERS, SegmenterContract, model


@pytest.mark.parametrize("spec", SEGMENTERS, ids=lambda spec: spec.name)
def test_every_axis_is_covered_and_no_load_runs_twice(spec: SegmenterContract) -> None:
    cases = list(sweep_cases(spec, Plan()))
    names = [case.name for case in cases]
    assert len(set(names)) == len(names)
    own = [case for case in cases if case.model_name == spec.ensemble]
    assert {case.concurrency for case in own} == {1, 2, 4, 8, 16}
    assert {case.protocol for case in own} == set(PROTOCOLS)
    assert {case.side_px for case in own} == {512, 1024, 2048}
    assert {case.model_name for case in cases} == {spec.ensemble, *(s.model_name for s in model(spec.ensemble).steps)}


def test_a_window_holds_every_request_in_flight_twice() -> None:
    for case in sweep_cases(SEGMENTERS[0], Plan()):
        assert case.load(5).window_requests >= max(5, 2 * case.concurrency)


def test_a_quick_sweep_is_a_part_of_the_whole() -> None:
    quick, whole = (set(sweep_cases(SEGMENTERS[0], plan)) for plan in (QUICK, Plan()))
    assert quick < whole
