"""Every combination of values renders, is linted, and fits the schemas; what cannot work is in test_refused_values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chart_checks.api_schemas import KUBERNETES_VERSIONS, SchemaError, require_valid
from chart_checks.generated import generated_files
from chart_checks.matrix import MATRIX, deployments, rendered
from chart_checks.rendering import lint, render

pytestmark = pytest.mark.needs("npm")


@pytest.mark.parametrize("name", MATRIX)
def test_helm_finds_no_mistake(name: str) -> None:
    lint(MATRIX[name])


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
@pytest.mark.parametrize("name", MATRIX)
def test_every_object_fits_its_schema(name: str, version: str) -> None:
    for document in rendered(name):
        require_valid(document, version)


def test_field_that_nobody_knows_is_an_error() -> None:
    deployment = deployments("defaults")[0]
    pod = deployment["spec"]["template"]["spec"]
    wrong = {**deployment, "spec": {**deployment["spec"], "template": {"spec": {**pod, "restartPolice": "Always"}}}}
    with pytest.raises(SchemaError, match="restartPolice"):
        require_valid(wrong, "1.33")


@pytest.mark.parametrize(
    ("document", "version", "reason"),
    [
        ({"apiVersion": "v1", "kind": "Nothing"}, "1.33", "no schema for v1 Nothing in Kubernetes 1.33"),
        ({"apiVersion": "example.com/v1", "kind": "Nothing"}, "1.33", "nothing-example.com-v1.json"),
        ({"apiVersion": "v1", "kind": "Service"}, "1.99", "no schemas of Kubernetes 1.99"),
    ],
)
def test_missing_schema_is_an_error(document: dict[str, Any], version: str, reason: str) -> None:
    with pytest.raises(SchemaError, match=reason):
        require_valid({**document, "metadata": {"name": "x"}}, version)


def test_canary_leaves_the_stable_pods_alone() -> None:
    def stable(canary: dict[str, Any]) -> Any:
        objects = render(MATRIX["everything"], {"canary": canary})
        (found,) = [
            one["spec"]["template"]
            for one in objects
            if one["kind"] == "Deployment" and one["metadata"]["labels"]["track"] == "stable"
        ]
        return found

    assert stable({"enabled": False}) == stable({"enabled": True, "weight": 50})


def test_changed_settings_roll_the_pods() -> None:
    def template(values: dict[str, Any], name: str) -> Any:
        objects = render(MATRIX[name], values)
        (found,) = [one["spec"]["template"]["metadata"] for one in objects if one["kind"] == "Deployment"]
        return found

    for name in ("defaults", "gpu-tensorrt"):
        assert template({}, name) != template({"server": {"logLevel": "info"}}, name)


@pytest.mark.parametrize(
    "values",
    [
        {"tolerations": [{"key": "gpu", "operator": "Exists"}]},
        {"plans": {"cache": {"existingClaim": "older"}}},
        {"storage": {"tmpMib": 2048}},
        {"serviceAccountName": "plans"},
    ],
    ids=lambda values: next(iter(values)),
)
def test_changed_job_has_another_name(values: dict[str, Any]) -> None:
    """Kubernetes refuses to change a Job's pod, and helm would end there."""

    def jobs(values: dict[str, Any]) -> dict[str, Any]:
        objects = render(MATRIX["gpu-tensorrt"], values)
        return {one["metadata"]["name"]: one["spec"] for one in objects if one["kind"] == "Job"}

    before, after = jobs({}), jobs(values)
    assert len(before) == len(after) == 2
    assert not before.keys() & after.keys()
    assert before == jobs({})


@pytest.mark.parametrize("path", [pytest.param(path, id=path.name) for path in generated_files()])
def test_generated_file_is_of_today(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == generated_files()[path], "run python -m chart_checks.generated"
