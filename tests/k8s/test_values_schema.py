"""The schema says everything about every value: a meaning, a bound, and nothing beside what is known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields
from importlib.metadata import version
from typing import Any

import pytest
import yaml

from chart_checks.rendering import CHART
from chart_checks.values_reference import undescribed
from wrinkle_core.contract import SEGMENTERS
from wrinkle_export.tensorrt.plan_options import PlanOptions
from wrinkle_server.gateway.options import GatewayLimits
from wrinkle_server.settings.serve_settings import ServeSettings

pytestmark = pytest.mark.needs("npm")

SCHEMA = json.loads((CHART / "values.schema.json").read_bytes())
VALUES = yaml.safe_load((CHART / "values.yaml").read_bytes())


def objects(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if "properties" in schema:
        yield path, schema
        for name, inner in schema["properties"].items():
            yield from objects(inner, f"{path}/{name}")
    if isinstance(schema.get("items"), dict):
        yield from objects(schema["items"], f"{path}[]")


def test_every_value_has_a_meaning_and_a_default() -> None:
    assert undescribed() == []


def test_no_object_takes_names_that_it_does_not_know() -> None:
    described = dict(objects(SCHEMA))
    assert len(described) > 25
    assert [path for path, schema in described.items() if schema.get("additionalProperties") is not False] == []


def test_every_number_has_bounds() -> None:
    unbounded = [
        f"{path}/{name}"
        for path, schema in objects(SCHEMA)
        for name, inner in schema["properties"].items()
        if inner.get("type") in ("integer", "number") and not {"minimum", "maximum"} <= inner.keys()
    ]
    assert unbounded == []


def test_chart_is_of_the_packages_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_bytes())
    assert chart["version"] == chart["appVersion"] == version("wrinkle-serving")


def test_segmenters_are_those_of_the_contract() -> None:
    allowed = SCHEMA["properties"]["server"]["properties"]["models"]["items"]["enum"]
    assert allowed == [spec.name for spec in SEGMENTERS] == VALUES["server"]["models"]
    assert SCHEMA["properties"]["plans"]["properties"]["maxBatch"]["minimum"] == max(
        s.max_batch_size for s in SEGMENTERS
    )


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def test_defaults_of_the_server_are_its_own() -> None:
    own = {camel(name): field.default for name, field in ServeSettings.model_fields.items()}
    shared = VALUES["server"].keys() & own.keys()
    assert shared >= {"precision", "maxEncodedMib", "maxPixelsMpx", "maxWaiting", "maxQueueSize"}
    chosen_for_containers = {"models", "instances", "threads"}  # 0 means every core of the node
    assert {name: VALUES["server"][name] for name in shared - chosen_for_containers} == {
        name: own[name] for name in shared - chosen_for_containers
    }


def test_defaults_of_gateway_and_plans_are_their_own() -> None:
    limits = {camel(field.name): field.default for field in fields(GatewayLimits)}
    assert {name: VALUES["gateway"][name] for name in ("requestsPerMinute", "burst", "requestTimeoutS")} == {
        name: limits[name] for name in ("requestsPerMinute", "burst", "requestTimeoutS")
    }
    plan = {camel(name): value for name, value in PlanOptions().as_json().items()}
    own = {"minBatch", "optBatch", "maxBatch", "workspaceMib", "hardwareCompatibility"}
    assert {name: VALUES["plans"][name] for name in own} == {name: plan[name] for name in own}
