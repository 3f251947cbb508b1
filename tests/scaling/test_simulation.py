"""Whole runs: nothing is lost, chance has one seed, and the shipped scenarios say what the documentation says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from wrinkle_core.errors import InvalidParameterError
from wrinkle_scaling.arrivals.patterns import Constant, FlashCrowd
from wrinkle_scaling.autoscaler.spec import AutoscalerSpec, KedaSpec, MetricTarget
from wrinkle_scaling.cluster.spec import ClusterSpec, ColdStart, GatewaySpec
from wrinkle_scaling.outcome.summary import summarise
from wrinkle_scaling.replica.profile import Bounds, ReplicaProfile, StepProfile, read_profile
from wrinkle_scaling.replica.request import Outcome
from wrinkle_scaling.scenario import Scenario, read_scenario
from wrinkle_scaling.simulation import simulate

PACKAGE = Path(__file__).resolve().parents[2] / "k8s" / "wrinkle_scaling"
SCENARIOS = sorted((PACKAGE / "scenarios").glob("*.yaml"))
PROFILES = sorted((PACKAGE / "profiles").glob("*.json"))


def profile(**changed: Any) -> ReplicaProfile:
    steps: dict[str, Any] = {
        "front_end": StepProfile(name="front_end", instances=None, seconds={1: (0.001,)}),
        "preprocess": StepProfile(name="preprocess", instances=2, seconds={1: (0.02,)}),
        "segment": StepProfile(name="segment", share=2.0, seconds={1: (0.1,)}),
        "threshold": StepProfile(name="threshold", instances=2, seconds={1: (0.01,)}),
    }
    fields: dict[str, Any] = {"name": "test", "origin": "test", "measured": False, "cores": 2.0} | steps
    return ReplicaProfile(**(fields | changed))


def scenario(**changed: Any) -> Scenario:
    fields: dict[str, Any] = {
        "title": "test",
        "profile": profile(),
        "duration_s": 400.0,
        "load": FlashCrowd(kind="flash_crowd", usual_hz=2, peak_hz=25, from_s=50, rise_s=10, hold_s=150),
        "replicas": 1,
        "cluster": ClusterSpec(cold_start=ColdStart(server_start_s=8.0)),
        "autoscaler": AutoscalerSpec(
            min_replicas=1,
            max_replicas=6,
            metrics=(
                MetricTarget(metric="queue_time", form="Value", target=0.25),
                MetricTarget(metric="busy", form="AverageValue", target=0.7),
            ),
        ),
    }
    return Scenario(**(fields | changed))


def test_every_photograph_ends_once_and_no_answer_comes_before_its_work_is_done() -> None:
    record = simulate(scenario(), seed=2)
    assert record.open == 0
    assert np.all(record.outcomes > 0)
    assert np.all(record.ended_s >= record.arrived_s)
    assert record.latencies_s().min() >= record.scenario.profile.unloaded_s() - 1e-9
    summary = summarise(record)
    assert summary.answered + sum(summary.refused.values()) == summary.arrived == record.arrived_s.size


def test_the_autoscaler_follows_the_crowd_and_stays_within_its_bounds() -> None:
    record = simulate(scenario(), seed=2)
    counts = [point.replicas for point in record.curve]
    assert (min(counts), max(counts)) == (1, 6)
    assert all(point.ready <= point.replicas for point in record.curve)
    fixed = summarise(simulate(scenario(autoscaler=None), seed=2))
    scaled = summarise(record)
    assert sum(scaled.refused.values()) < 0.6 * sum(fixed.refused.values())
    assert fixed.replica_h * 3600.0 == pytest.approx(400.0, abs=10.0)
    assert scaled.core_h == pytest.approx(2.0 * scaled.replica_h)


def test_one_seed_one_result() -> None:
    first, again, other = (simulate(scenario(duration_s=150.0), seed) for seed in (5, 5, 6))
    assert summarise(first) == summarise(again)
    assert np.array_equal(first.ended_s, again.ended_s)
    assert summarise(first) != summarise(other)


def test_throughput_of_a_saturated_service_is_its_capacity() -> None:
    flooded = scenario(load=Constant(kind="constant", rate_hz=60.0), replicas=2, autoscaler=None, duration_s=200.0)
    summary = summarise(simulate(flooded))
    refusals_s = flooded.profile.bounds.refusal_s * summary.refused["not_admitted"] / 2
    expected = 2 * flooded.profile.capacity_hz() * (200.0 - refusals_s / 2) / 200.0
    assert summary.answered_hz == pytest.approx(expected, rel=0.05)


def test_a_second_try_elsewhere_saves_requests() -> None:
    def refused(tries: int) -> int:
        gateway = GatewaySpec(choices=1, tries=tries)
        cluster = ClusterSpec(cold_start=ColdStart(server_start_s=8.0), gateway=gateway)
        bounds = Bounds(max_waiting=2)
        busy = scenario(
            load=Constant(kind="constant", rate_hz=12.0),
            replicas=3,
            autoscaler=None,
            cluster=cluster,
            profile=profile(bounds=bounds),
            duration_s=200.0,
        )
        return sum(summarise(simulate(busy)).refused.values())

    assert refused(2) < 0.6 * refused(1)


def test_keda_puts_an_idle_service_to_sleep_and_wakes_it() -> None:
    autoscaler = AutoscalerSpec(
        min_replicas=0,
        max_replicas=3,
        metrics=(MetricTarget(metric="answered", form="AverageValue", target=5.0),),
        keda=KedaSpec(polling_interval_s=15.0, cooldown_s=60.0),
    )
    quiet = scenario(load=np.array([1.0, 2.0]), duration_s=300.0, autoscaler=autoscaler)
    record = simulate(quiet)
    assert [point.replicas for point in record.curve] == [1, 0]
    late = simulate(replace(quiet, load=np.array([1.0, 2.0, 250.0])))
    assert late.ended_as(Outcome.NO_REPLICA).tolist() == [False, False, True]


def test_recorded_arrivals_are_taken_as_they_are() -> None:
    times_s = np.array([0.5, 0.7, 30.0])
    record = simulate(scenario(load=times_s, duration_s=20.0))
    assert np.array_equal(record.arrived_s, times_s[:2])


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_shipped_scenarios_can_be_read_and_say_where_their_figures_come_from(path: Path) -> None:
    read = read_scenario(path)
    assert read.autoscaler is not None
    assert read.profile.measured != ("ASSUMED" in read.profile.origin)


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_shipped_profiles_do_not_pass_assumptions_for_measurements(path: Path) -> None:
    read = read_profile(path)
    assert read.measured == (read.gpus == 0.0), "nothing was measured on a GPU"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"wonder": 1}, "wonder"),
        ({"load": {}}, "either pattern or recorded"),
        ({"duration_s": -1}, "duration_s"),
        ({"profile": "gone.json"}, r"gone\.json cannot be read"),
        ({"load": {"recorded": "gone.csv"}}, r"gone\.csv cannot be read"),
    ],
)
def test_a_scenario_that_makes_no_sense_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    document = yaml.safe_load(SCENARIOS[0].read_text(encoding="utf-8"))
    document["profile"] = str(PROFILES[0])
    path = tmp_path / "scenario.yaml"
    path.write_text(yaml.safe_dump(document | change), encoding="utf-8")
    with pytest.raises(InvalidParameterError, match=message):
        read_scenario(path)


def test_an_unknown_metric_is_refused(tmp_path: Path) -> None:
    document = yaml.safe_load(SCENARIOS[0].read_text(encoding="utf-8"))
    document["profile"] = str(PROFILES[0])
    document["autoscaler"]["metrics"] = [{"metric": "mood", "form": "Value", "target": 1.0}]
    path = tmp_path / "scenario.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(InvalidParameterError, match="mood"):
        read_scenario(path)
