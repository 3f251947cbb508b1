"""KEDA's own part: waking up, staying awake, going to sleep."""

from __future__ import annotations

import pytest

from wrinkle_scaling.autoscaler.keda import KedaActivation
from wrinkle_scaling.autoscaler.spec import AutoscalerSpec, KedaSpec, MetricTarget

KEDA = KedaSpec(polling_interval_s=30.0, cooldown_s=300.0, activation_thresholds={"pending": 2.0})


def spec(min_replicas: int) -> AutoscalerSpec:
    metrics = (MetricTarget(metric="pending", form="AverageValue", target=8.0),)
    return AutoscalerSpec(min_replicas=min_replicas, max_replicas=5, metrics=metrics, keda=KEDA)


def test_a_metric_above_its_activation_threshold_wakes_the_service() -> None:
    activation = KedaActivation(spec(0), KEDA)
    assert activation.poll(0.0, 0, {"pending": 2.0}) == 0
    assert activation.poll(30.0, 0, {"pending": 3.0}) == 1


def test_the_last_replica_goes_after_the_cooldown_and_not_before() -> None:
    activation = KedaActivation(spec(0), KEDA)
    activation.poll(0.0, 1, {"pending": 3.0})
    assert [activation.poll(at_s, 1, {"pending": 0.0}) for at_s in (30.0, 270.0, 300.0)] == [1, 1, 0]


def test_nobody_goes_to_sleep_on_a_metric_that_cannot_be_had() -> None:
    activation = KedaActivation(spec(0), KEDA)
    activation.poll(0.0, 1, {"pending": 0.0})
    assert activation.poll(400.0, 1, {}) == 1
    assert activation.poll(430.0, 1, {"pending": 0.0}) == 0


@pytest.mark.parametrize("values", [{"pending": 0.0}, {}])
def test_with_a_minimum_nothing_ever_sleeps(values: dict[str, float]) -> None:
    activation = KedaActivation(spec(2), KEDA)
    assert [activation.poll(at_s, 2, values) for at_s in (0.0, 400.0, 4000.0)] == [2, 2, 2]


def test_a_threshold_for_an_unknown_metric_is_refused() -> None:
    with pytest.raises(ValueError, match="gone"):
        AutoscalerSpec.model_validate(spec(0).model_dump() | {"keda": {"activation_thresholds": {"gone": 1.0}}})
