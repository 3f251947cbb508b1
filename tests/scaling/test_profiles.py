"""Profiles: written and read, shipped, and as the origin of a plan's figures."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from wrinkle_bench.photograph import portrait_jpeg
from wrinkle_core.errors import InvalidParameterError
from wrinkle_scaling.measuring.shipped import with_steps_of
from wrinkle_scaling.planning.assumptions import read_assumptions
from wrinkle_scaling.replica.profile import read_profile, write_profile

PACKAGE = Path(__file__).resolve().parents[2] / "k8s" / "wrinkle_scaling"
PLAN = PACKAGE / "planning" / "ten-thousand.yaml"
SHIPPED = PACKAGE / "profiles" / "unetpp-two-cores.json"
ASSUMED = PACKAGE / "profiles" / "paper-unetpp-l4-assumed.json"


def test_a_written_profile_is_read_back_with_its_times_in_order(tmp_path: Path) -> None:
    one = read_profile(SHIPPED)
    segment = one.segment.model_copy(update={"seconds": {1: (0.2000049, 0.1, 0.15)}})
    write_profile(one.model_copy(update={"segment": segment}), tmp_path / "one.json")
    read = read_profile(tmp_path / "one.json")
    assert read.segment.seconds == {1: (0.1, 0.15, 0.2)}
    assert read.model_copy(update={"segment": one.segment}) == one


def test_an_assumed_profile_takes_the_steps_around_its_network_from_a_measured_one() -> None:
    measured, assumed = read_profile(SHIPPED), read_profile(ASSUMED)
    renewed = with_steps_of(measured, assumed)
    assert renewed.preprocess.mean_s() == pytest.approx(measured.preprocess.mean_s(), abs=5e-5)
    assert renewed.threshold.mean_s() == pytest.approx(measured.threshold.mean_s(), abs=5e-5)
    assert (renewed.segment, renewed.preprocess.instances, renewed.measured) == (assumed.segment, 4, False)
    assert renewed == assumed, "run: make scaling-profile"


def test_a_plans_figures_may_come_from_a_profile(tmp_path: Path) -> None:
    measured, plan = read_profile(SHIPPED), read_assumptions(PLAN)
    both_s = measured.preprocess.mean_s() + measured.threshold.mean_s()
    assert plan.steps_core_s.value == pytest.approx(both_s, rel=0.005)
    assert plan.steps_core_s.measured
    assert measured.origin in plan.steps_core_s.origin
    document = yaml.safe_load(PLAN.read_text(encoding="utf-8"))
    document["steps_core_s"] = {"profile": str(SHIPPED), "steps": ["skin_mask", "tea_break"]}
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(InvalidParameterError, match="no step tea_break, only front_end, skin_mask"):
        read_assumptions(tmp_path / "plan.yaml")


def test_a_plans_photograph_is_the_benchmarks() -> None:
    assert read_assumptions(PLAN).photo_bytes.value == len(portrait_jpeg())
