"""What the chart installs for monitoring and scaling, and its rules on a faster clock."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from chart_checks.matrix import REQUIRED
from chart_checks.rendering import PROFILES, RELEASE, render
from chart_checks.tools import ROOT
from wrinkle_scaling.autoscaler.spec import AutoscalerSpec, MetricTarget, ScalingPolicy, ScalingRules

__all__ = ["NAMESPACE", "RELEASE", "TRACK", "ShippedMonitoring", "faster", "shipped_monitoring"]

NAMESPACE = "faces"
TRACK = "stable"

_ADAPTER = ROOT / "k8s" / "monitoring" / "prometheus-adapter.yaml"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(?<![\w.])(\d+)([smhd])(?!\w)")
_RANGE_OR_OFFSET = re.compile(r"\[\d+[smhd]\]|offset \d+[smhd]")

Json = dict[str, Any]


@dataclass(frozen=True)
class ShippedMonitoring:
    """Profile ``cpu`` of the chart.

    Attributes:
        groups: Rule groups of the PrometheusRule.
        scrape_interval_s: Of the PodMonitor.
        evaluation_s: Of the recording rules.
        ports: Names of the container ports it scrapes.
        autoscaler: The HorizontalPodAutoscaler.
        queries: What the autoscaler's metrics are in PromQL, as prometheus-adapter asks, by their names.
        keda_queries: The same as KEDA asks, in the order of ``autoscaler.metrics``.
    """

    groups: tuple[Json, ...]
    scrape_interval_s: float
    evaluation_s: float
    ports: tuple[str, ...]
    autoscaler: AutoscalerSpec
    queries: dict[str, str]
    keda_queries: tuple[str, ...]

    def window_s(self, record: str) -> float:
        """Return the longest range that a recorded metric looks back over."""
        expression = self._rule("record", record)["expr"]
        return max(_seconds(each.strip("[]")) for each in _RANGE_OR_OFFSET.findall(expression) if each[0] == "[")

    def patience_s(self, alert: str) -> float:
        """Return how long an alert's condition must hold."""
        return _seconds(self._rule("alert", alert)["for"])

    def _rule(self, kind: str, name: str) -> Json:
        found: list[Json] = [rule for group in self.groups for rule in group["rules"] if rule.get(kind) == name]
        assert len(found) == 1, name
        return found[0]


@cache
def shipped_monitoring() -> ShippedMonitoring:
    """Render the chart and the adapter's rules."""
    files = [PROFILES / "values-cpu.yaml", REQUIRED]
    objects = {each["kind"]: each for each in render(files, namespace=NAMESPACE)}
    keda = {"autoscaling": {"type": "keda", "keda": {"prometheusUrl": "http://prometheus:9090"}}}
    (scaled_object,) = (each for each in render(files, keda, namespace=NAMESPACE) if each["kind"] == "ScaledObject")
    groups = objects["PrometheusRule"]["spec"]["groups"]
    endpoints = objects["PodMonitor"]["spec"]["podMetricsEndpoints"]
    hpa = objects["HorizontalPodAutoscaler"]["spec"]
    return ShippedMonitoring(
        groups=tuple(groups),
        scrape_interval_s=min(_seconds(each["interval"]) for each in endpoints),
        evaluation_s=min(_seconds(group["interval"]) for group in groups if "interval" in group),
        ports=tuple(each["port"] for each in endpoints),
        autoscaler=_autoscaler(hpa),
        queries=dict(_adapter_query(each["external"]["metric"]) for each in hpa["metrics"]),
        keda_queries=tuple(each["metadata"]["query"] for each in scaled_object["spec"]["triggers"]),
    )


def faster(groups: Sequence[Json], factor: int, evaluation_s: float) -> tuple[tuple[Json, ...], list[str]]:
    """Divide every duration of the rules by ``factor``, so that a test need not wait for minutes.

    Args:
        groups: Rule groups.
        factor: 1 leaves them as they are.
        evaluation_s: Between two evaluations of every group; it replaces the group's own.

    Returns:
        The groups, and each substitution made as ``old -> new``.
    """
    if factor == 1:
        return tuple(groups), []
    every = f"{round(1000 * evaluation_s)}ms"
    made: set[str] = set()

    def shorter(found: re.Match[str]) -> str:
        seconds = _seconds(found[0])
        new = f"{max(1, round(seconds / factor)) if seconds else 0}s"
        made.add(f"{found[0]} -> {new}")
        return new

    def windows(expression: str) -> str:
        return _RANGE_OR_OFFSET.sub(lambda found: _DURATION.sub(shorter, found[0]), expression)

    changed = []
    for group in groups:
        rules = [rule | {"expr": windows(rule["expr"])} for rule in group["rules"]]
        rules = [rule | ({"for": _DURATION.sub(shorter, rule["for"])} if "for" in rule else {}) for rule in rules]
        made.add(f"interval {group.get('interval', 'by default')} -> {every}")
        changed.append(group | {"interval": every, "rules": rules})
    return tuple(changed), sorted(made)


def _autoscaler(hpa: Json) -> AutoscalerSpec:
    metrics = []
    for each in hpa["metrics"]:
        target = each["external"]["target"]
        form = target["type"]
        quantity = target["value" if form == "Value" else "averageValue"]
        metrics.append(MetricTarget(metric=each["external"]["metric"]["name"], form=form, target=_number(quantity)))
    return AutoscalerSpec(
        min_replicas=hpa["minReplicas"],
        max_replicas=hpa["maxReplicas"],
        metrics=tuple(metrics),
        scale_up=_rules(hpa["behavior"]["scaleUp"]),
        scale_down=_rules(hpa["behavior"]["scaleDown"]),
    )


def _rules(behavior: Json) -> ScalingRules:
    policies = (
        ScalingPolicy(type=each["type"], value=each["value"], period_s=each["periodSeconds"])
        for each in behavior["policies"]
    )
    return ScalingRules(
        stabilization_window_s=behavior["stabilizationWindowSeconds"],
        select_policy=behavior.get("selectPolicy", "Max"),
        policies=tuple(policies),
    )


def _adapter_query(metric: Json) -> tuple[str, str]:
    """Put the autoscaler's selector and namespace where prometheus-adapter would."""
    rules = yaml.safe_load(_ADAPTER.read_text(encoding="utf-8"))["rules"]["external"]
    (template,) = (rule["metricsQuery"] for rule in rules if rule["name"]["as"] == metric["name"])
    labels = metric["selector"]["matchLabels"] | {"namespace": NAMESPACE}
    matchers = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return metric["name"], template.replace("<<.LabelMatchers>>", matchers)


def _seconds(duration: str) -> float:
    found = _DURATION.fullmatch(duration)
    assert found is not None, duration
    return float(found[1]) * _SECONDS[found[2]]


def _number(quantity: str) -> float:
    """Read a Kubernetes quantity: plain, or in thousandths."""
    return float(quantity.removesuffix("m")) / (1000.0 if quantity.endswith("m") else 1.0)
