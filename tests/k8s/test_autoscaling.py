"""What scales, and on what: recorded metrics, found by the adapter's rules or asked for by KEDA."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from chart_checks.matrix import Json, of_kind
from chart_checks.rendering import CHART
from chart_checks.tools import ROOT

pytestmark = pytest.mark.needs("npm")

RECORDED = {
    rule["record"]
    for group in yaml.safe_load((CHART / "files/rules/recording.yaml").read_bytes())["groups"]
    for rule in group["rules"]
}
ADAPTER = yaml.safe_load((ROOT / "k8s/monitoring/prometheus-adapter.yaml").read_bytes())["rules"]["external"]


def behaviour(scaler: Json) -> Any:
    spec = scaler["spec"]
    return spec["behavior"] if "behavior" in spec else spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]


def bounds(scaler: Json) -> tuple[int, int]:
    spec = scaler["spec"]
    if scaler["kind"] == "ScaledObject":
        return spec["minReplicaCount"], spec["maxReplicaCount"]
    return spec["minReplicas"], spec["maxReplicas"]


def test_each_metric_of_the_autoscaler_is_a_recorded_one() -> None:
    (scaler,) = of_kind("cpu", "HorizontalPodAutoscaler")
    asked = {metric["external"]["metric"]["name"] for metric in scaler["spec"]["metrics"]}
    offered = {rule["name"]["as"]: rule for rule in ADAPTER}
    assert asked == offered.keys()
    for rule in offered.values():
        (series,) = re.findall(r'__name__="([^"]+)"', rule["seriesQuery"])
        assert series in RECORDED
        assert f"({series}{{<<.LabelMatchers>>}})" in rule["metricsQuery"]
    for metric in scaler["spec"]["metrics"]:
        labels = metric["external"]["metric"]["selector"]["matchLabels"]
        assert labels == {"wrinkle_release": "wrinkle", "track": "stable"}


def test_queue_time_is_compared_as_it_is_and_the_others_per_replica() -> None:
    (scaler,) = of_kind("cpu", "HorizontalPodAutoscaler")
    targets = {
        metric["external"]["metric"]["name"]: metric["external"]["target"] for metric in scaler["spec"]["metrics"]
    }
    assert targets == {
        "wrinkle_queue_seconds": {"type": "Value", "value": "250m"},
        "wrinkle_pending_requests": {"type": "AverageValue", "averageValue": "8"},
        "wrinkle_busy_segmenters": {"type": "AverageValue", "averageValue": "700m"},
    }


@pytest.mark.parametrize("name", ["gpu-tensorrt", "gpu-mig", "everything"])
def test_keda_asks_for_the_same(name: str) -> None:
    (scaler,) = of_kind(name, "ScaledObject")
    queue, pending, busy = scaler["spec"]["triggers"]
    own = '{namespace="faces",wrinkle_release="wrinkle",track="stable"}'
    assert [trigger["metricType"] for trigger in (queue, pending, busy)] == ["Value", "AverageValue", "AverageValue"]
    assert queue["metadata"]["query"] == f"wrinkle:queue_seconds:weighted_mean2m{own}"
    assert pending["metadata"]["query"] == f"wrinkle:pending_requests:sum{own}"
    assert busy["metadata"]["query"] == f"wrinkle:busy_segmenters:sum2m{own}"
    assert {trigger["metadata"]["query"].partition("{")[0] for trigger in (queue, pending, busy)} <= RECORDED
    assert [trigger["metadata"]["threshold"] for trigger in (queue, pending, busy)] == ["0.25", "8", "0.7"]
    assert bounds(scaler)[0] <= scaler["spec"]["fallback"]["replicas"] <= bounds(scaler)[1]


@pytest.mark.parametrize("name", ["cpu", "gpu-tensorrt", "gpu-mig", "everything"])
def test_scaling_down_is_slower_than_up_and_bounds_are_in_order(name: str) -> None:
    (scaler,) = of_kind(name, "HorizontalPodAutoscaler", "ScaledObject")
    fewest, most = bounds(scaler)
    assert 1 <= fewest <= most
    up, down = behaviour(scaler)["scaleUp"], behaviour(scaler)["scaleDown"]
    assert down["stabilizationWindowSeconds"] >= 300 > up["stabilizationWindowSeconds"]
    assert max(policy["value"] for policy in down["policies"]) < max(policy["value"] for policy in up["policies"])
