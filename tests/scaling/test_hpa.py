"""The autoscaler's arithmetic, by hand-made examples from the documented algorithm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wrinkle_core.errors import ContractError, InvalidParameterError
from wrinkle_scaling.autoscaler.hpa import HorizontalPodAutoscaler, Observation
from wrinkle_scaling.autoscaler.proposals import (
    PodValues,
    proposal,
    proposal_of_pods,
    proposal_of_total,
    proposal_of_value,
)
from wrinkle_scaling.autoscaler.recorded_run import read_recorded_run, replay
from wrinkle_scaling.autoscaler.spec import AutoscalerSpec, MetricTarget, ScalingPolicy, ScalingRules, Tolerances

DEFAULT = Tolerances()


def spec(**changed: Any) -> AutoscalerSpec:
    fields: dict[str, Any] = {
        "min_replicas": 1,
        "max_replicas": 100,
        "metrics": (MetricTarget(metric="load", form="AverageValue", target=10.0),),
        "scale_down": ScalingRules(policies=(ScalingPolicy(type="Percent", value=100, period_s=15.0),)),
    }
    return AutoscalerSpec(**(fields | changed))


def rules(kind: str, value: int, period_s: float, window_s: float = 0.0, **changed: Any) -> ScalingRules:
    policy = ScalingPolicy(type=kind, value=value, period_s=period_s)  # type: ignore[arg-type]
    return ScalingRules(stabilization_window_s=window_s, policies=(policy,), **changed)


def walk(autoscaler: HorizontalPodAutoscaler, replicas: int, totals: list[float], period_s: float = 15.0) -> list[int]:
    """Return the replicas after each sync, when every change takes effect at once."""
    found = []
    for number, total in enumerate(totals):
        seen = Observation(replicas, replicas, {"load": total})
        replicas = autoscaler.reconcile(number * period_s, seen)
        found.append(replicas)
    return found


@pytest.mark.parametrize(
    ("value", "target", "replicas", "wanted"),
    [
        (200.0, 100.0, 3, 6),  # the documentation's own examples: twice the target, twice the replicas
        (50.0, 100.0, 6, 3),  # half of it, half of them
        (110.0, 100.0, 5, 5),  # within a tenth
        (111.0, 100.0, 5, 6),
        (90.0, 100.0, 5, 5),
        (89.0, 100.0, 5, 5),  # outside the tolerance, but rounded up
        (79.0, 100.0, 5, 4),
        (0.0, 100.0, 5, 0),  # the bounds are another rule's
    ],
)
def test_a_value_scales_the_ready_replicas_by_its_ratio_to_the_target(
    value: float, target: float, replicas: int, wanted: int
) -> None:
    assert proposal_of_value(value, target, replicas, replicas, DEFAULT) == wanted


def test_only_ready_replicas_made_the_value_what_it_is() -> None:
    assert proposal_of_value(300.0, 100.0, 4, 2, DEFAULT) == 6
    assert proposal_of_value(300.0, 100.0, 4, 0, DEFAULT) == 0
    assert proposal_of_value(300.0, 100.0, 0, 0, DEFAULT) == 3


@pytest.mark.parametrize(
    ("total", "replicas", "wanted"), [(75.0, 2, 8), (21.0, 2, 2), (23.0, 2, 3), (21.0, 8, 3), (30.0, 3, 3), (5.0, 0, 1)]
)
def test_an_average_value_divides_the_total_and_rounds_up(total: float, replicas: int, wanted: int) -> None:
    assert proposal_of_total(total, 10.0, replicas, DEFAULT) == wanted


def test_each_direction_has_its_own_tolerance() -> None:
    wide_down = Tolerances(up=0.0, down=0.5)
    assert proposal_of_total(55.0, 10.0, 10, wide_down) == 10
    assert proposal_of_total(49.0, 10.0, 10, wide_down) == 5
    assert proposal_of_total(100.1, 10.0, 10, wide_down) == 11


@pytest.mark.parametrize(
    ("values", "replicas", "wanted"),
    [
        (PodValues({"a": 20.0, "b": 20.0}), 2, 4),
        (PodValues({"a": 20.0, "b": 20.0}, unready=2), 4, 4),  # those to come count as idle: 40/4 is the target
        (PodValues({"a": 21.0, "b": 21.0}, unready=2), 4, 4),  # 42/4 is within tolerance
        (PodValues({"a": 40.0, "b": 40.0}, unready=2), 4, 8),  # even with them there is too much
        (PodValues({"a": 4.0, "b": 4.0}, unready=2), 4, 1),  # unready ones are set aside when going down
        (PodValues({"a": 4.0, "b": 4.0}, missing=2), 4, 3),  # a silent one is at its target when going down
        (PodValues({"a": 20.0, "b": 20.0}, missing=2), 4, 4),  # and idle when going up
        (PodValues({"a": 12.0}, missing=9), 10, 10),  # the cautious mean turned round: nothing is done
        (PodValues({}, unready=3), 3, None),
    ],
)
def test_pods_without_a_value_are_taken_in_the_cautious_way(
    values: PodValues, replicas: int, wanted: int | None
) -> None:
    assert proposal_of_pods(values, 10.0, replicas, DEFAULT) == wanted


@pytest.mark.parametrize(
    ("proposals", "wanted"), [([3, 7, 5], 7), ([None, 7], 7), ([None, 3], None), ([None, None], None), ([2, 3], 3)]
)
def test_the_most_is_followed_and_an_unknown_metric_takes_nothing_away(
    proposals: list[int | None], wanted: int | None
) -> None:
    assert proposal(proposals, 5) == wanted


def test_a_sync_without_metrics_changes_nothing_and_is_forgotten() -> None:
    rules_down = rules("Percent", 100, 15.0, window_s=60.0)
    autoscaler = HorizontalPodAutoscaler(spec(scale_down=rules_down))
    assert autoscaler.reconcile(0.0, Observation(8, 8, {"load": 20.0})) == 8  # what was found counts for the window
    assert [autoscaler.reconcile(at_s, Observation(8, 8)) for at_s in (15.0, 30.0, 45.0)] == [8, 8, 8]
    assert autoscaler.reconcile(60.0, Observation(8, 8, {"load": 20.0})) == 2


def test_policies_count_what_the_bounds_changed() -> None:
    autoscaler = HorizontalPodAutoscaler(spec(min_replicas=6, scale_up=rules("Pods", 4, 60.0)))
    assert autoscaler.reconcile(0.0, Observation(2, 2, {"load": 500.0})) == 6
    assert autoscaler.reconcile(15.0, Observation(6, 6, {"load": 500.0})) == 6
    assert autoscaler.reconcile(60.0, Observation(6, 6, {"load": 500.0})) == 10


def test_metrics_count_in_whole_thousandths() -> None:
    assert proposal_of_total(30.0009, 10.0, 5, DEFAULT) == 3
    assert proposal_of_total(30.001, 10.0, 5, DEFAULT) == 4
    assert proposal_of_value(0.2759, 0.25, 4, 4, DEFAULT) == 4  # 275 of 250 is within a tenth, 276 is not
    assert proposal_of_value(0.2761, 0.25, 4, 4, DEFAULT) == 5
    assert proposal_of_pods(PodValues({"a": 11.0009, "b": 11.0019}), 10.0, 2, DEFAULT) == 2


def test_default_rules_double_or_add_four_per_period() -> None:
    assert walk(HorizontalPodAutoscaler(spec()), 1, [1000.0] * 6) == [5, 10, 20, 40, 80, 100]


def test_default_rules_wait_five_minutes_before_going_down() -> None:
    fields = spec().model_dump(exclude={"scale_down"})
    found = walk(HorizontalPodAutoscaler(AutoscalerSpec(**fields)), 10, [100.0, *[10.0] * 22])
    assert found[:20] == [10] * 20
    assert found[20:] == [1] * 3


def test_a_policy_counts_what_was_changed_within_its_period() -> None:
    autoscaler = HorizontalPodAutoscaler(spec(scale_up=rules("Pods", 2, 60.0)))
    assert walk(autoscaler, 2, [500.0] * 9) == [4, 4, 4, 4, 6, 6, 6, 6, 8]


def test_a_share_is_computed_in_floating_point_as_the_controller_does() -> None:
    autoscaler = HorizontalPodAutoscaler(spec(scale_up=rules("Percent", 10, 15.0)))
    assert walk(autoscaler, 50, [2000.0]) == [56]  # 50 * 1.1 is a little over 55


def test_percent_down_is_rounded_towards_more_change() -> None:
    autoscaler = HorizontalPodAutoscaler(spec(scale_down=rules("Percent", 10, 15.0)))
    assert walk(autoscaler, 15, [10.0] * 3) == [13, 11, 9]


def test_select_policy_min_and_disabled() -> None:
    both = (ScalingPolicy(type="Pods", value=1, period_s=15.0), ScalingPolicy(type="Percent", value=100, period_s=15.0))
    slow = ScalingRules(select_policy="Min", policies=both)
    assert walk(HorizontalPodAutoscaler(spec(scale_up=slow)), 4, [500.0] * 2) == [5, 6]
    never = rules("Pods", 1, 15.0, select_policy="Disabled")
    assert walk(HorizontalPodAutoscaler(spec(scale_down=never)), 4, [0.0] * 3) == [4, 4, 4]


def test_a_window_for_more_waits_for_the_least_that_was_asked() -> None:
    autoscaler = HorizontalPodAutoscaler(spec(scale_up=rules("Pods", 100, 15.0, window_s=30.0)))
    assert walk(autoscaler, 2, [20.0, 80.0, 60.0, 90.0, 90.0]) == [2, 2, 6, 6, 9]


def test_numbers_outside_the_bounds_are_brought_inside_at_once() -> None:
    autoscaler = HorizontalPodAutoscaler(spec(min_replicas=3, max_replicas=5))
    assert autoscaler.reconcile(0.0, Observation(9, 9, {"load": 0.0})) == 5
    assert autoscaler.reconcile(15.0, Observation(1, 1, {"load": 0.0})) == 3
    assert autoscaler.reconcile(30.0, Observation(0, 0, {"load": 99.0})) == 0


def test_a_negative_metric_is_refused() -> None:
    with pytest.raises(ContractError, match="load"):
        HorizontalPodAutoscaler(spec()).reconcile(0.0, Observation(1, 1, {"load": -1.0}))


def test_a_spec_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="below"):
        spec(min_replicas=5, max_replicas=4)
    with pytest.raises(ValueError, match="KEDA"):
        spec(min_replicas=0)


@pytest.mark.shared_data
@pytest.mark.parametrize("offset_s", [0.0, 0.5, 1.0, 1.9])
def test_the_trace_of_a_real_controller_is_reproduced(shared_data: Path, offset_s: float) -> None:
    run = read_recorded_run(shared_data / "hpa_trace.json")
    replicas = tuple(replicas for _, replicas in replay(run, sync_period_s=2.0, offset_s=offset_s))
    assert replicas == run.observed_replicas_in_order == (2, 4, 6, 8, 7, 6, 5, 4, 3)


def test_a_recorded_run_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text('{"what": "nothing"}', encoding="utf-8")
    with pytest.raises(InvalidParameterError, match=r"run\.json is no recorded run"):
        read_recorded_run(path)
