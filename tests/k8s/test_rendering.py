"""Every combination of values renders, is linted, and fits the schemas; contradictions are refused with a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chart_checks.api_schemas import KUBERNETES_VERSIONS, SchemaError, require_valid
from chart_checks.generated import generated_files
from chart_checks.matrix import MATRIX, REQUIRED, deployments, rendered
from chart_checks.rendering import RenderError, lint, render

pytestmark = pytest.mark.needs("npm")

DIGEST = "sha256:" + "9" * 64


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


ROUTES = {
    "type": "gatewayApi",
    "hostname": "a.example.com",
    "grpcHostname": "b.example.com",
    "parentRefs": [{"name": "g"}],
}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no image": ({"image": {"repository": ""}}, "/image/repository"),
    "neither tag nor digest": ({"image": {"digest": ""}}, "/image"),
    "latest": ({"image": {"digest": "", "tag": "latest"}}, "/image/tag"),
    "misspelt value": ({"servr": {}}, "servr"),
    "misspelt nested value": ({"server": {"instance": 2}}, "instance"),
    "nobody may ask": ({"gateway": {"tokensSecretName": ""}}, "/gateway"),
    "no certificate": ({"gateway": {"tls": {"secretName": ""}}}, "/gateway"),
    "TensorRT without digest": (
        {"runtime": "tensorrt", "image": {"digest": "", "tag": "1"}, "artefact": {"source": "pvc"}},
        "/image/digest",
    ),
    "TensorRT without networks": ({"runtime": "tensorrt"}, "onnx-fp16"),
    "claim without a name": ({"artefact": {"source": "pvc"}}, "artefact.pvc.claimName is required"),
    "bucket without an image": ({"artefact": {"source": "s3", "s3": {"uri": "s3://a/b"}}}, "artefact.s3.image"),
    "canary's networks without a name": (
        {
            "canary": {"enabled": True, "artefact": {"source": "pvc"}},
            "exposure": {
                "type": "gatewayApi",
                "hostname": "a.example.com",
                "grpcHostname": "b.example.com",
                "parentRefs": [{"name": "g"}],
            },
        },
        "artefact.pvc.claimName is required",
    ),
    "budget that blocks every drain": ({"podDisruptionBudget": {"minAvailable": 2}}, "no node could ever be drained"),
    "budget against autoscaling": (
        {
            "replicas": 9,
            "autoscaling": {"type": "hpa", "minReplicas": 1},
            "monitoring": {"rules": True, "scrape": "podMonitor"},
        },
        "is 1 of at least 1 replicas",
    ),
    "min above max": ({"autoscaling": {"minReplicas": 11}}, "minReplicas is more than"),
    "rollout that cannot begin": ({"rollout": {"maxSurge": 0}}, "could never begin"),
    "more waiting than queue": ({"server": {"maxWaiting": 65}}, "no more can wait"),
    "batches out of order": ({"plans": {"optBatch": 9}}, "minBatch <= optBatch <= maxBatch"),
    "certificate renewed before it is made": (
        {"gateway": {"tls": {"certManager": {"durationHours": 24}}}},
        "renewBeforeHours must be less",
    ),
    "one host for both routes": (
        {
            "exposure": {
                "type": "gatewayApi",
                "hostname": "a.example.com",
                "grpcHostname": "a.example.com",
                "parentRefs": [{"name": "g"}],
            }
        },
        "must differ",
    ),
    "client certificates behind an edge": (
        {
            "gateway": {"tls": {"clientCaSecretName": "clients"}},
            "exposure": {
                "type": "ingress",
                "hostname": "a.example.com",
                "grpcHostname": "b.example.com",
                "ingress": {"tlsSecretName": "public"},
            },
        },
        "show no certificate of the client",
    ),
    "fallback above max": (
        {
            "autoscaling": {"type": "keda", "maxReplicas": 3, "keda": {"prometheusUrl": "http://p:9090"}},
            "monitoring": {"rules": True, "scrape": "podMonitor"},
        },
        "fallbackReplicas is more than",
    ),
    "canary without routes": ({"canary": {"enabled": True}}, "canary needs exposure.type gatewayApi"),
    "canary networks from nowhere": (
        {"canary": {"enabled": True, "artefact": {"manifestSha256": "b" * 64}}, "exposure": ROUTES},
        "canary.artefact needs its own source",
    ),
    "canary networks under the stable ones' pin": (
        {
            "artefact": {"source": "pvc", "manifestSha256": "a" * 64, "pvc": {"claimName": "networks"}},
            "canary": {"enabled": True, "artefact": {"source": "pvc", "pvc": {"claimName": "newer"}}},
            "exposure": ROUTES,
        },
        "canary.artefact.manifestSha256 is required",
    ),
    "rules without scraping": ({"monitoring": {"rules": True}}, "rules needs monitoring.scrape"),
    "autoscaling without metrics": ({"autoscaling": {"type": "hpa"}}, "autoscaling needs monitoring.rules"),
    "KEDA without Prometheus": (
        {"autoscaling": {"type": "keda"}, "monitoring": {"rules": True, "scrape": "podMonitor"}},
        "prometheusUrl",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_contradiction_is_refused_with_a_reason(case: str) -> None:
    values, reason = REFUSED[case]
    with pytest.raises(RenderError, match=reason):
        render([REQUIRED], values)


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


def test_no_values_at_all_are_refused() -> None:
    with pytest.raises(RenderError, match="/image/repository"):
        render([])


@pytest.mark.parametrize("path", [pytest.param(path, id=path.name) for path in generated_files()])
def test_generated_file_is_of_today(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == generated_files()[path], "run python -m chart_checks.generated"
