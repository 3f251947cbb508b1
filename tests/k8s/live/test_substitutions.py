"""What the live tests change of the chart, and that they change nothing else; nothing is started here."""

from __future__ import annotations

import re

import pytest

from chart_checks.api_schemas import KUBERNETES_VERSIONS, require_valid
from image_check.pod import LocalPod, local_pod
from k8s_rules import faster, shipped_monitoring

IMAGE = "localhost/wrinkle-serving:cpu"
GOES_FROM_CONTAINERS = {"startupProbe", "readinessProbe", "livenessProbe", "lifecycle"}
GOES_FROM_POD = {"serviceAccountName", "topologySpreadConstraints", "enableServiceLinks"}
DURATION = re.compile(r"\d+(ms|[smhd])\b")


@pytest.fixture(scope="module")
def pod() -> LocalPod:
    return local_pod(IMAGE)


def test_pod_loses_only_what_podman_cannot_do(pod: LocalPod) -> None:
    spec, template = pod.documents[-1]["spec"], pod.template["spec"]
    assert template.keys() - spec.keys() == GOES_FROM_POD
    assert {key: spec[key] for key in spec.keys() - {"containers", "volumes"}}.items() <= template.items()
    for container, rendered in zip(spec["containers"], template["containers"], strict=True):
        assert rendered.keys() - container.keys() == GOES_FROM_CONTAINERS
        same = container.keys() - {"image", "imagePullPolicy"}
        assert {key: container[key] for key in same} == {key: rendered[key] for key in same}
        assert (container["image"], container["imagePullPolicy"]) == (IMAGE, "Never")


def test_every_volume_of_the_template_is_there(pod: LocalPod) -> None:
    rendered = {volume["name"]: volume for volume in pod.template["spec"]["volumes"]}
    volumes = {volume["name"]: volume for volume in pod.documents[-1]["spec"]["volumes"]}
    memory = {volume.name: volume.size_mib for volume in pod.memory_volumes}
    made_before = memory.keys() | pod.secret_volumes.keys()
    assert volumes.keys() == rendered.keys()
    assert {name: volumes[name] for name in volumes.keys() - made_before}.items() <= rendered.items()
    assert {f"{size}Mi" for size in memory.values()} == {rendered["shared-memory"]["emptyDir"]["sizeLimit"]}
    assert dict(pod.secret_volumes) == {
        name: volume["secret"]["secretName"] for name, volume in rendered.items() if "secret" in volume
    }


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
def test_pod_is_still_one_that_kubernetes_takes(pod: LocalPod, version: str) -> None:
    for document in pod.documents:
        require_valid(document, version)


def test_faster_clock_changes_durations_only() -> None:
    groups = shipped_monitoring().groups
    changed, made = faster(groups, 10, 0.5)
    assert "2m -> 12s" in made
    assert "0m -> 0s" in made
    for before, after in zip(groups, changed, strict=True):
        assert after["interval"] == "500ms"
        for old, new in zip(before["rules"], after["rules"], strict=True):
            assert old.keys() == new.keys()
            assert DURATION.sub("", str(old)) == DURATION.sub("", str(new))


def test_chart_s_own_clock_changes_nothing() -> None:
    groups = shipped_monitoring().groups
    assert faster(groups, 1, 15.0) == (groups, [])
