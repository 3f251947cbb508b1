"""Whatever the load: the autoscaler stays within its bounds and never moves faster than its policies allow."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from wrinkle_scaling.autoscaler.hpa import HorizontalPodAutoscaler, Observation
from wrinkle_scaling.autoscaler.spec import AutoscalerSpec, MetricTarget, ScalingPolicy, ScalingRules

SYNC_S = 15.0

policies = st.builds(
    ScalingPolicy,
    type=st.sampled_from(["Pods", "Percent"]),
    value=st.integers(1, 150),
    period_s=st.sampled_from([15.0, 30.0, 60.0, 300.0]),
)
rules = st.builds(
    ScalingRules,
    stabilization_window_s=st.sampled_from([0.0, 30.0, 300.0]),
    select_policy=st.sampled_from(["Max", "Min", "Disabled"]),
    policies=st.lists(policies, min_size=1, max_size=3).map(tuple),
    tolerance=st.sampled_from([0.0, 0.1, 0.5]),
)
totals = st.lists(st.one_of(st.floats(0.0, 2000.0), st.none()), min_size=1, max_size=60)


@st.composite
def specs(draw: st.DrawFn) -> AutoscalerSpec:
    lowest = draw(st.integers(1, 20))
    return AutoscalerSpec(
        min_replicas=lowest,
        max_replicas=draw(st.integers(lowest, 60)),
        metrics=(MetricTarget(metric="load", form=draw(st.sampled_from(["AverageValue", "Value"])), target=10.0),),
        scale_up=draw(rules),
        scale_down=draw(rules),
    )


def walk(spec: AutoscalerSpec, replicas: int, loads: list[float | None]) -> list[int]:
    autoscaler = HorizontalPodAutoscaler(spec)
    found = [replicas]
    for number, load in enumerate(loads):
        values = {} if load is None else {"load": load}
        found.append(autoscaler.reconcile(number * SYNC_S, Observation(found[-1], found[-1], values)))
    return found


def furthest(policy: ScalingPolicy, from_replicas: int, *, up: bool) -> int:
    """Return how far one policy lets a number go within its period."""
    if policy.type == "Pods":
        return from_replicas + (policy.value if up else -policy.value)
    share = policy.value / 100
    return math.ceil(from_replicas * (1 + share)) if up else math.floor(from_replicas * (1 - share))


@settings(max_examples=150, deadline=None)
@given(spec=specs(), loads=totals, data=st.data())
def test_replicas_stay_within_their_bounds(spec: AutoscalerSpec, loads: list[float | None], data: Any) -> None:
    start = data.draw(st.integers(spec.min_replicas, spec.max_replicas))
    assert all(spec.min_replicas <= each <= spec.max_replicas for each in walk(spec, start, loads))


@settings(max_examples=150, deadline=None)
@given(spec=specs(), loads=totals, data=st.data())
def test_no_period_sees_more_change_than_its_policies_allow(
    spec: AutoscalerSpec, loads: list[float | None], data: Any
) -> None:
    """Within the shortest period of a direction, the way from the lowest to the present number fits one policy."""
    start = data.draw(st.integers(spec.min_replicas, spec.max_replicas))
    found = walk(spec, start, loads)
    for up, rule in ((True, spec.scale_up), (False, spec.scale_down)):
        steps = [max(0, (after - before) * (1 if up else -1)) for before, after in pairwise(found)]
        if rule.select_policy == "Disabled":
            assert not any(steps)
            continue
        for at, step in enumerate(steps):
            if step:
                assert any(_within(policy, found, at, up=up) for policy in rule.policies), (found, at)


def _within(policy: ScalingPolicy, found: list[int], at: int, *, up: bool) -> bool:
    """Return whether the change at ``at`` and those of the period before it fit the policy."""
    first = max(0, at - math.ceil(policy.period_s / SYNC_S) + 1)
    limit = furthest(policy, found[first], up=up)
    return found[at + 1] <= limit if up else found[at + 1] >= limit


@settings(max_examples=100, deadline=None)
@given(spec=specs(), data=st.data())
def test_a_load_that_stays_is_answered_once_and_for_all(spec: AutoscalerSpec, data: Any) -> None:
    total_form = spec.metrics[0].model_copy(update={"form": "AverageValue"})
    steady = spec.model_copy(update={"metrics": (total_form,)})
    start = data.draw(st.integers(spec.min_replicas, spec.max_replicas))
    found = walk(steady, start, [data.draw(st.floats(0.0, 800.0))] * 400)
    changes = [after - before for before, after in pairwise(found) if after != before]
    assert not changes or min(changes) > 0 or max(changes) < 0
