"""The Kustomize overlay and the KServe objects: complete, valid, and of the same sizes as the chart."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from chart_checks.api_schemas import KUBERNETES_VERSIONS, require_valid
from chart_checks.matrix import Json, deployments
from chart_checks.tools import ROOT, kubectl
from wrinkle_server.settings.fields import field_by_key
from wrinkle_server.settings.sources import environment_name

pytestmark = pytest.mark.needs("npm")

ZEROS = "sha256:" + "0" * 64


def kustomized(folder: Path) -> list[Json]:
    done = subprocess.run(
        [str(kubectl()), "kustomize", str(folder)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one is not None]


def of_kind(objects: list[Json], kind: str) -> Json:
    (found,) = [one for one in objects if one["kind"] == kind]
    return found


@pytest.fixture(scope="module")
def overlay() -> list[Json]:
    return kustomized(ROOT / "k8s/kustomize/overlays/example")


@pytest.fixture(scope="module")
def kserve() -> list[Json]:
    return kustomized(ROOT / "k8s/kserve")


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
def test_overlay_fits_the_schemas(overlay: list[Json], version: str) -> None:
    for document in overlay:
        require_valid(document, version)


def test_overlay_names_namespace_image_and_replicas(overlay: list[Json]) -> None:
    namespace = of_kind(overlay, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {one["metadata"].get("namespace", "faces") for one in overlay} == {"faces"}
    deployment = of_kind(overlay, "Deployment")
    assert deployment["spec"]["replicas"] == 3
    images = {one["image"] for one in deployment["spec"]["template"]["spec"]["containers"]}
    assert images == {f"registry.example.com/wrinkle-serving/server@{ZEROS}"}


def test_overlay_is_the_chart(overlay: list[Json]) -> None:
    (chart,) = deployments("defaults")
    ours = of_kind(overlay, "Deployment")["spec"]["template"]["spec"]
    for from_chart, from_overlay in zip(
        chart["spec"]["template"]["spec"]["containers"], ours["containers"], strict=True
    ):
        assert {**from_overlay, "image": ""} == {**from_chart, "image": ""}


def pod_of(kserve: list[Json]) -> dict[str, Any]:
    runtime, service = (
        of_kind(kserve, "ServingRuntime")["spec"],
        of_kind(kserve, "InferenceService")["spec"]["predictor"],
    )
    parts = ("securityContext", "automountServiceAccountToken", "enableServiceLinks", "terminationGracePeriodSeconds")
    pod = {
        "containers": runtime["containers"],
        "volumes": runtime["volumes"],
        **{part: service[part] for part in parts},
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "predictor"}, "spec": pod}


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
def test_kserve_objects_and_the_pod_they_make_fit_the_schemas(kserve: list[Json], version: str) -> None:
    for document in (*kserve, pod_of(kserve)):
        require_valid(document, version)


def test_kserve_runs_the_runtime_that_it_names(kserve: list[Json]) -> None:
    runtime, model = (
        of_kind(kserve, "ServingRuntime"),
        of_kind(kserve, "InferenceService")["spec"]["predictor"]["model"],
    )
    assert model["runtime"] == runtime["metadata"]["name"]
    assert model["modelFormat"]["name"] in {one["name"] for one in runtime["spec"]["supportedModelFormats"]}
    assert model["protocolVersion"] in runtime["spec"]["protocolVersions"]
    (container,) = runtime["spec"]["containers"]
    assert container["name"] == "kserve-container"
    assert container["image"] == f"registry.example.com/wrinkle-serving/server@{ZEROS}"


def test_kserve_settings_exist(kserve: list[Json]) -> None:
    (container,) = of_kind(kserve, "ServingRuntime")["spec"]["containers"]
    known = {environment_name(key) for key in field_by_key()}
    ours = {one["name"]: one["value"] for one in container["env"] if one["name"].startswith("WRINKLE_")}
    assert len(ours) > 10
    assert ours.keys() <= known


def test_kserve_pod_is_as_large_and_as_locked_as_the_charts(kserve: list[Json]) -> None:
    (chart,) = deployments("cpu")
    spec, ours = chart["spec"]["template"]["spec"], pod_of(kserve)["spec"]
    server, gateway = spec["containers"]
    (container,) = ours["containers"]
    assert ours["securityContext"] == spec["securityContext"]
    assert container["securityContext"] == server["securityContext"]

    def added(resource: str, unit: str) -> int:
        return sum(int(one["resources"]["limits"][resource].removesuffix(unit)) for one in (server, gateway))

    limits = {
        "cpu": str(added("cpu", "")),
        "memory": f"{added('memory', 'Mi')}Mi",
        "ephemeral-storage": f"{added('ephemeral-storage', 'Mi')}Mi",
    }
    assert container["resources"] == {"requests": limits, "limits": limits}
    shared = [one for one in (*spec["volumes"], *ours["volumes"]) if one["name"] == "shared-memory"]
    assert shared[0] == shared[1]
    environment = {one["name"]: one["value"] for one in container["env"] if "value" in one}
    drain_s = (
        float(environment["WRINKLE_SERVE_DRAIN_DELAY_S"]) + 30 + 30
    )  # then the gateway's requests, then the server's
    assert ours["terminationGracePeriodSeconds"] >= container["lifecycle"]["preStop"]["sleep"]["seconds"] + drain_s + 10
