"""The scenarios simulate the chart's autoscaler as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from wrinkle_scaling.autoscaler.spec import ScalingPolicy
from wrinkle_scaling.scenario import read_scenario

K8S = Path(__file__).resolve().parents[2] / "k8s"
CHART = yaml.safe_load((K8S / "chart" / "values.yaml").read_text(encoding="utf-8"))
SCENARIOS = sorted((K8S / "wrinkle_scaling" / "scenarios").glob("*.yaml"))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_targets_and_behaviour_are_the_charts(path: Path) -> None:
    chart, autoscaler = CHART["autoscaling"], read_scenario(path).autoscaler
    assert autoscaler is not None
    targets = {each.metric: each for each in autoscaler.metrics}
    assert targets["queue_time"].form == "Value"
    assert targets["queue_time"].target == pytest.approx(chart["targetQueueMilliseconds"] / 1000)
    assert targets["pending"].form == "AverageValue"
    assert targets["pending"].target == chart["targetPendingPerReplica"]
    assert targets["busy"].form == "AverageValue"
    assert targets["busy"].target == pytest.approx(chart["targetBusyPercent"] / 100)
    assert autoscaler.min_replicas == chart["minReplicas"]
    up, down = chart["scaleUp"], chart["scaleDown"]
    assert autoscaler.scale_up.stabilization_window_s == up["stabilizationWindowS"]
    assert autoscaler.scale_up.policies == (
        ScalingPolicy(type="Percent", value=up["percent"], period_s=up["periodS"]),
        ScalingPolicy(type="Pods", value=up["pods"], period_s=up["periodS"]),
    )
    assert autoscaler.scale_down.stabilization_window_s == down["stabilizationWindowS"]
    assert autoscaler.scale_down.policies == (
        ScalingPolicy(type="Percent", value=down["percent"], period_s=down["periodS"]),
    )


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_metrics_are_as_old_as_the_charts(path: Path) -> None:
    metrics = read_scenario(path).cluster.metrics
    assert metrics.scrape_period_s == CHART["monitoring"]["intervalS"]
    rules = yaml.safe_load((K8S / "chart" / "files" / "rules" / "recording.yaml").read_text(encoding="utf-8"))
    (group,) = (group for group in rules["groups"] if group["name"] == "wrinkle-serving.records")
    assert metrics.evaluation_period_s == float(group["interval"].removesuffix("s"))
    (queue,) = (rule for rule in group["rules"] if rule["record"].startswith("wrinkle:queue_seconds:"))
    assert queue["expr"].count(f"[{metrics.window_s / 60:.0f}m]") == 3
