"""What every pod must have: bounds, no privilege, enough shared memory, and time to stop."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from chart_checks.matrix import MATRIX, REQUIRED, Json, deployments, of_kind, pod_specs, rendered
from chart_checks.rendering import render
from wrinkle_core.contract import model
from wrinkle_export.repository.deployment import Deployment
from wrinkle_export.repository.triton_config import model_config
from wrinkle_server.gateway.options import GatewayLimits
from wrinkle_server.settings.resolve import step_configs
from wrinkle_server.settings.serve_settings import ServeSettings
from wrinkle_server.triton.shared_memory import shared_memory_need

pytestmark = pytest.mark.needs("npm")

MIB = 2**20
every_entry = pytest.mark.parametrize("name", MATRIX)


def containers(pod: Json) -> list[Json]:
    return [*pod.get("initContainers", ()), *pod["containers"]]


def container(deployment: Json, name: str) -> Json:
    (found,) = [one for one in deployment["spec"]["template"]["spec"]["containers"] if one["name"] == name]
    return dict(found)


def mib(quantity: str) -> int:
    assert quantity.endswith("Mi"), quantity
    return int(quantity.removesuffix("Mi"))


def cores(quantity: str) -> float:
    return int(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


def volume(pod: Json, name: str) -> Json:
    (found,) = [one for one in pod["volumes"] if one["name"] == name]
    return dict(found)


@every_entry
def test_requests_are_there_and_no_more_than_limits(name: str) -> None:
    for one in (one for pod in pod_specs(name) for one in containers(pod)):
        requests, limits = one["resources"]["requests"], one["resources"]["limits"]
        assert requests.keys() == limits.keys() >= {"cpu", "memory", "ephemeral-storage"}
        assert cores(requests["cpu"]) <= cores(limits["cpu"])
        assert mib(requests["memory"]) <= mib(limits["memory"])
        assert mib(requests["ephemeral-storage"]) <= mib(limits["ephemeral-storage"])
        extended = {key: value for key, value in limits.items() if "/" in key}
        assert extended == {key: value for key, value in requests.items() if "/" in key}


@every_entry
def test_no_container_has_a_privilege(name: str) -> None:
    for pod in pod_specs(name):
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False  # a Service wrinkle-serve would set unknown settings
        assert not {"hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"} & pod.keys()
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True
        assert min(security["runAsUser"], security["runAsGroup"], security["fsGroup"]) > 0
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert all(set(one) & {"hostPath"} == set() for one in pod["volumes"])
        for one in containers(pod):
            own = one["securityContext"]
            assert own["capabilities"] == {"drop": ["ALL"]}
            assert own["readOnlyRootFilesystem"] is own["runAsNonRoot"] is True
            assert own["allowPrivilegeEscalation"] is own["privileged"] is False
            assert all("hostPort" not in port for port in one.get("ports", ()))


@every_entry
def test_images_are_pinned(name: str) -> None:
    for one in (one for pod in pod_specs(name) for one in containers(pod)):
        assert re.fullmatch(r"[^@: ]+(@sha256:[0-9a-f]{64}|:[A-Za-z0-9_.-]+)", one["image"]), one["image"]
        assert not one["image"].endswith(":latest")
        assert "@sha256:" in one["image"] or name == "minikube"


@every_entry
def test_mounted_volumes_exist_and_no_volume_is_left_over(name: str) -> None:
    for pod in pod_specs(name):
        mounted = {mount["name"] for one in containers(pod) for mount in one["volumeMounts"]}
        assert mounted == {one["name"] for one in pod["volumes"]}
        for one in containers(pod):
            paths = [mount["mountPath"] for mount in one["volumeMounts"]]
            assert len(paths) == len(set(paths))


@every_entry
def test_scratch_volumes_fit_what_the_container_may_use(name: str) -> None:
    for deployment in deployments(name):
        pod = deployment["spec"]["template"]["spec"]
        for one in pod["containers"]:
            mounted = {mount["name"] for mount in one["volumeMounts"]}
            on_disk = [v["emptyDir"] for v in pod["volumes"] if v["name"] in mounted and "emptyDir" in v]
            assert all("sizeLimit" in each for each in on_disk)
            used = sum(mib(each["sizeLimit"]) for each in on_disk if each.get("medium") != "Memory")
            assert used <= mib(one["resources"]["limits"]["ephemeral-storage"])


@every_entry
def test_shared_memory_is_counted_in_the_limit_beside_the_supervisors_ceiling(name: str) -> None:
    for deployment in deployments(name):
        pod = deployment["spec"]["template"]["spec"]
        shared = volume(pod, "shared-memory")["emptyDir"]
        assert shared["medium"] == "Memory"
        ceiling = settings_of(name, deployment)["max_memory_mib"]
        limit = mib(container(deployment, "server")["resources"]["limits"]["memory"])
        assert mib(shared["sizeLimit"]) + ceiling < limit
        assert ceiling > 0.85 * (limit - mib(shared["sizeLimit"]))


@pytest.mark.parametrize("models", [["unetpp"], ["unet_texture"], ["unetpp", "unet_texture"]], ids="+".join)
@pytest.mark.parametrize(
    ("instances", "encoded_mib", "pixels_mpx"), [(1, 20, 40), (2, 20, 40), (4, 5, 12), (8, 64, 200)]
)
def test_shared_memory_follows_the_servers_rule(
    models: list[str], instances: int, encoded_mib: int, pixels_mpx: int
) -> None:
    server = {"models": models, "instances": instances, "maxEncodedMib": encoded_mib, "maxPixelsMpx": pixels_mpx}
    (deployment,) = [one for one in render([REQUIRED], {"server": server}) if one["kind"] == "Deployment"]
    given = mib(volume(deployment["spec"]["template"]["spec"], "shared-memory")["emptyDir"]["sizeLimit"]) * MIB
    settings = ServeSettings(
        models=",".join(models), instances=instances, max_encoded_mib=encoded_mib, max_pixels_mpx=pixels_mpx
    )
    need = shared_memory_need(step_configs(settings)).most_bytes
    assert need <= given <= 1.35 * need


@every_entry
def test_pod_has_time_to_stop(name: str) -> None:
    for deployment in deployments(name):
        grace_s = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        server, gateway = container(deployment, "server"), container(deployment, "gateway")
        (drain,) = [word for word in gateway["args"] if word.startswith("--drain-timeout-s=")]
        balancer_s = gateway["lifecycle"]["preStop"]["sleep"]["seconds"]
        gateway_s = balancer_s + int(drain.partition("=")[2])
        server_waits_s = server["lifecycle"]["preStop"]["sleep"]["seconds"]
        server_s = server_waits_s + settings_of(name, deployment)["exit_timeout_s"]
        assert balancer_s >= 1
        assert server_waits_s >= gateway_s  # the server outlives the gateway's requests
        assert grace_s > max(server_s, gateway_s) + 10


@every_entry
def test_probes_ask_the_supervisor(name: str) -> None:
    for deployment in deployments(name):
        server = container(deployment, "server")
        asked = {probe: server[probe]["httpGet"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")}
        assert asked == {
            "startupProbe": {"path": "/readyz", "port": "health"},
            "readinessProbe": {"path": "/readyz", "port": "health"},
            "livenessProbe": {"path": "/livez", "port": "health"},
        }
        live = server["livenessProbe"]
        assert live["periodSeconds"] * live["failureThreshold"] >= 60
        started_s = server["startupProbe"]["periodSeconds"] * server["startupProbe"]["failureThreshold"]
        assert started_s < deployment["spec"]["progressDeadlineSeconds"]


@every_entry
def test_gateway_has_room_for_envoys_heap(name: str) -> None:
    for deployment in deployments(name):
        assert (
            mib(container(deployment, "gateway")["resources"]["limits"]["memory"]) >= GatewayLimits().max_heap_mib + 256
        )


@pytest.mark.parametrize("name", ["gpu-tensorrt", "gpu-mig"])
def test_plans_are_built_on_the_gpu_that_will_run_them(name: str) -> None:
    (deployment,) = deployments(name)
    pod = deployment["spec"]["template"]["spec"]
    check, build = pod["initContainers"]
    (resource,) = [key for key in container(deployment, "server")["resources"]["limits"] if "/" in key]
    assert build["resources"]["limits"][resource] == 1
    assert build["image"].startswith("registry.example.com/wrinkle-serving/plan-builder@")
    assert check["image"] == container(deployment, "server")["image"]
    assert volume(pod, "plans")["persistentVolumeClaim"]["claimName"] in {
        claim["metadata"]["name"] for claim in of_kind(name, "PersistentVolumeClaim")
    }
    for job in of_kind(name, "Job"):
        (ahead,) = job["spec"]["template"]["spec"]["containers"]
        assert ahead == build
        assert job["spec"]["template"]["spec"]["nodeSelector"]


@pytest.mark.parametrize("name", ["gpu-tensorrt", "gpu-mig"])
def test_shared_memory_suffices_for_the_repository_of_plans(name: str) -> None:
    (deployment,) = deployments(name)
    pod = deployment["spec"]["template"]["spec"]
    environment = {one["name"]: one["value"] for one in pod["initContainers"][-1]["env"]}
    words = environment["REPOSITORY_OPTIONS"].split()
    given = dict(zip(words[::2], map(float, words[1::2]), strict=True))
    made = Deployment(
        "tensorrt",
        "gpu",
        preprocess_instances=int(given["--preprocess-instances"]),
        threshold_instances=int(given["--threshold-instances"]),
        max_waiting=int(given["--max-waiting"]),
        max_queue_size=int(given["--max-queue-size"]),
        max_encoded_bytes=int(given["--max-encoded-mib"]) * MIB,
        max_pixels=int(given["--max-pixels-mpx"]) * 1_000_000,
    )
    assert (
        shared_memory_need(plan_steps(made)).most_bytes
        <= mib(volume(pod, "shared-memory")["emptyDir"]["sizeLimit"]) * MIB
    )


def plan_steps(made: Deployment) -> list[Any]:
    return [model_config(model(step), made) for step in ("skin_mask", "skin_texture", "threshold")]


def settings_of(name: str, deployment: Json) -> dict[str, Any]:
    (settings,) = [one for one in rendered(name) if one["metadata"]["name"].endswith("-settings")]
    file = "serve-canary.yaml" if deployment["metadata"]["labels"]["track"] == "canary" else "serve.yaml"
    loaded: dict[str, Any] = yaml.safe_load(settings["data"][file])
    return loaded
