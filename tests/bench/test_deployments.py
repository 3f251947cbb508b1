"""Searching a deployment for a machine, and the values file that comes of it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from wrinkle_bench.deployments.measure import Choice, MeasuredChoice
from wrinkle_bench.deployments.search import best_choice
from wrinkle_bench.deployments.values_file import values_text
from wrinkle_bench.machine import Machine
from wrinkle_bench.perf_analyzer.measurement import Measurement

CHART = Path(__file__).resolve().parent.parent.parent / "k8s" / "chart"


def seen(throughput_hz: float, p99_ms: float = 100.0) -> Measurement:
    return Measurement(throughput_hz, 50.0, 60.0, 70.0, p99_ms, 55.0, 0.1, 0.1)


def test_the_best_of_each_property_is_kept_for_the_next() -> None:
    def measured(choice: Choice) -> MeasuredChoice:
        return MeasuredChoice(
            choice,
            8,
            seen(10 + 5 * (choice.instances == 2) + 3 * (choice.max_batch_size == 4) + 2 * (choice.queue_delay_us > 0)),
        )

    best = best_choice(measured, cores=2, max_p99_ms=None).choice
    assert best == Choice(instances=2, max_batch_size=4, queue_delay_us=5_000)


def test_what_is_no_better_than_noise_changes_nothing() -> None:
    best = best_choice(
        lambda choice: MeasuredChoice(choice, 8, seen(10 + 0.1 * choice.instances)), cores=4, max_p99_ms=None
    )
    assert best.choice == Choice(instances=1)


def test_latency_comes_before_throughput_when_it_is_bounded() -> None:
    def measured(choice: Choice) -> MeasuredChoice:
        return MeasuredChoice(choice, 8, seen(10.0 * choice.max_batch_size, 100.0 * choice.max_batch_size))

    assert best_choice(measured, cores=2, max_p99_ms=250.0).choice.max_batch_size == 2
    assert best_choice(measured, cores=2, max_p99_ms=None).choice.max_batch_size == 4


@pytest.mark.parametrize("choice", [Choice(), Choice(4, 2, 8, 4, 5_000)], ids=["plain", "repository of its own"])
def test_the_chart_takes_the_values_file(choice: Choice, machine: Machine) -> None:
    text = values_text(MeasuredChoice(choice, 8, seen(3.0)), machine, "unetpp")
    values = yaml.safe_load(text)
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(values["server"], schema["properties"]["server"] | {"required": []})
    assert values["server"]["instances"] == choice.instances
    assert values["server"]["threads"] == (choice.threads or machine.cores)
    assert ("wrinkle export repository" in text) == (choice != Choice())
