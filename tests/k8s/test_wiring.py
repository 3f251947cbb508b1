"""Objects find each other: selectors, ports, claims, services, and what may talk to whom."""

from __future__ import annotations

from typing import Any

import pytest

from chart_checks.matrix import MATRIX, Json, deployments, of_kind, rendered
from chart_checks.rendering import render

pytestmark = pytest.mark.needs("npm")

every_entry = pytest.mark.parametrize("name", MATRIX)


def pods(name: str) -> list[Json]:
    return [one["spec"]["template"] for one in of_kind(name, "Deployment", "Job")]


def selected(name: str, selector: dict[str, str]) -> list[Json]:
    return [pod for pod in pods(name) if selector.items() <= pod["metadata"]["labels"].items()]


def port_names(pod: Json) -> set[str]:
    return {port["name"] for one in pod["spec"]["containers"] for port in one.get("ports", ())}


@every_entry
def test_names_are_unique_and_in_the_releases_namespace(name: str) -> None:
    ids = [(one["kind"], one["metadata"]["name"]) for one in rendered(name)]
    assert len(ids) == len(set(ids))
    assert {one["metadata"]["namespace"] for one in rendered(name)} == {"faces"}
    assert all(len(one) <= 63 for _, one in ids)


def test_longest_names_still_fit_into_a_label() -> None:
    target = {"name": "n" * 16, "nodeSelector": {"nvidia.com/gpu.product": "a"}}
    values = {"fullnameOverride": "w" * 60, "plans": {"prebuild": [target]}}
    objects = render(MATRIX["gpu-tensorrt"], values)
    assert {"Job", "Service", "Deployment"} <= {one["kind"] for one in objects}
    assert [one["metadata"]["name"] for one in objects if len(one["metadata"]["name"]) > 63] == []


@every_entry
def test_each_deployment_selects_its_own_pods_only(name: str) -> None:
    for deployment in deployments(name):
        found = selected(name, deployment["spec"]["selector"]["matchLabels"])
        assert found == [deployment["spec"]["template"]]
        spread = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert all(selected(name, one["labelSelector"]["matchLabels"]) == found for one in spread)


@every_entry
def test_services_reach_ports_that_their_pods_have(name: str) -> None:
    for service in of_kind(name, "Service"):
        found = selected(name, service["spec"]["selector"])
        assert found
        for port in service["spec"]["ports"]:
            assert all(port["targetPort"] in port_names(pod) for pod in found)


@every_entry
def test_ports_are_those_that_the_processes_listen_on(name: str) -> None:
    for deployment in deployments(name):
        server, gateway = deployment["spec"]["template"]["spec"]["containers"]
        assert server["ports"] == [
            {"name": "metrics", "containerPort": 8002},
            {"name": "health", "containerPort": 8003},
        ]
        assert gateway["ports"] == [{"name": "gateway", "containerPort": 8443}]


@every_entry
def test_budget_leaves_a_drain_possible(name: str) -> None:
    (stable, *_) = deployments(name)
    for budget in of_kind(name, "PodDisruptionBudget"):
        assert selected(name, budget["spec"]["selector"]["matchLabels"]) == [stable["spec"]["template"]]
        assert budget["spec"]["minAvailable"] < least_replicas(name)
    assert of_kind(name, "PodDisruptionBudget") or least_replicas(name) == 1


def least_replicas(name: str) -> int:
    for scaler in of_kind(name, "HorizontalPodAutoscaler"):
        return int(scaler["spec"]["minReplicas"])
    for scaler in of_kind(name, "ScaledObject"):
        return int(scaler["spec"]["minReplicaCount"])
    return int(deployments(name)[0]["spec"]["replicas"])


@every_entry
def test_only_one_thing_decides_the_number_of_replicas(name: str) -> None:
    (stable, *_) = deployments(name)
    scalers = of_kind(name, "HorizontalPodAutoscaler", "ScaledObject")
    assert len(scalers) == (0 if "replicas" in stable["spec"] else 1)
    for scaler in scalers:
        assert scaler["spec"]["scaleTargetRef"] == {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": stable["metadata"]["name"],
        }


@every_entry
def test_nothing_passes_but_what_is_allowed(name: str) -> None:
    policies = [one["spec"] for one in of_kind(name, "NetworkPolicy")]
    if name == "ingress":
        assert policies == []
        return
    (deny,) = [one for one in policies if one.keys() == {"podSelector", "policyTypes"}]
    assert sorted(deny["policyTypes"]) == ["Egress", "Ingress"]
    assert selected(name, deny["podSelector"]["matchLabels"]) == pods(name)
    for policy in policies:
        for rule in (*policy.get("ingress", ()), *policy.get("egress", ())):
            peers = rule.get("from") or rule.get("to")
            assert peers, "a rule without peers lets everybody in"
            assert all(peer for peer in peers)
            assert rule["ports"]
    opened = {port["port"] for one in policies for rule in one.get("ingress", ()) for port in rule["ports"]}
    assert opened == {"gateway", "metrics", "health"}


@every_entry
def test_pods_of_jobs_are_no_servers(name: str) -> None:
    jobs = [one["spec"]["template"] for one in of_kind(name, "Job")]
    for service in of_kind(name, "Service"):
        assert not any(pod in jobs for pod in selected(name, service["spec"]["selector"]))


def test_canary_gets_its_share_of_both_protocols() -> None:
    (http,), (grpc,) = of_kind("everything", "HTTPRoute"), of_kind("everything", "GRPCRoute")
    services = {one["metadata"]["name"]: one for one in of_kind("everything", "Service")}
    for route in (http, grpc):
        (rule,) = route["spec"]["rules"]
        weights = {services[one["name"]]["spec"]["selector"]["track"]: one["weight"] for one in rule["backendRefs"]}
        assert weights == {"stable": 90, "canary": 10}
        for one in rule["backendRefs"]:
            assert one["port"] in {port["port"] for port in services[one["name"]]["spec"]["ports"]}
    assert not set(http["spec"]["hostnames"]) & set(grpc["spec"]["hostnames"])  # Gateway API rejects one of the two
    (policy,) = of_kind("everything", "BackendTLSPolicy")
    assert {target["name"] for target in policy["spec"]["targetRefs"]} <= services.keys()


def test_each_protocol_has_an_ingress_of_its_own() -> None:
    """How to speak to the pods is said for an Ingress as a whole, and gRPC needs another word there than HTTP."""
    http, grpc = of_kind("ingress", "Ingress")
    spoken = "nginx.ingress.kubernetes.io/backend-protocol"
    assert [one["metadata"]["annotations"][spoken] for one in (http, grpc)] == ["HTTPS", "GRPCS"]
    services = {one["metadata"]["name"]: one for one in of_kind("ingress", "Service")}
    for one, host in ((http, "wrinkle.example.com"), (grpc, "grpc.wrinkle.example.com")):
        (rule,) = one["spec"]["rules"]
        assert [rule["host"]] == one["spec"]["tls"][0]["hosts"] == [host]
        backend = rule["http"]["paths"][0]["backend"]["service"]
        assert backend["port"]["name"] in {port["name"] for port in services[backend["name"]]["spec"]["ports"]}


def test_canary_runs_its_own_image_and_networks() -> None:
    stable, canary = deployments("everything")

    def server(deployment: Json) -> Any:
        return deployment["spec"]["template"]["spec"]["containers"][0]

    assert server(stable)["image"] != server(canary)["image"]
    fetch = [one["spec"]["template"]["spec"]["initContainers"][0]["name"] for one in (stable, canary)]
    assert fetch == ["fetch-artefact", "copy-artefact"]
    assert canary["spec"]["replicas"] == 1


def test_each_track_has_plans_of_its_own_images_tensorrt() -> None:
    """A plan loads in one TensorRT version only."""
    routes = {"type": "gatewayApi", "hostname": "a.com", "grpcHostname": "b.com", "parentRefs": [{"name": "g"}]}
    canary = {
        "enabled": True,
        "image": {"digest": f"sha256:{'a' * 64}"},
        "plansImage": {"repository": "registry.example.com/plans", "digest": f"sha256:{'b' * 64}"},
    }
    tls = {"gateway": {"tokensSecretName": "t", "tls": {"clientCaSecretName": ""}}}
    objects = render(MATRIX["gpu-tensorrt"], {"canary": canary, "exposure": routes, **tls})
    builders = {
        one["metadata"]["labels"]["track"]: one["spec"]["template"]["spec"]["initContainers"][-1]
        for one in objects
        if one["kind"] == "Deployment"
    }
    assert builders["stable"]["image"].startswith("registry.example.com/wrinkle-serving/plan-builder@sha256:8")
    assert builders["canary"]["image"] == f"registry.example.com/plans@sha256:{'b' * 64}"
    assert {**builders["stable"], "image": ""} == {**builders["canary"], "image": ""}


def test_certificate_names_every_service_and_lands_where_the_gateway_reads_it() -> None:
    (certificate,) = of_kind("everything", "Certificate")
    assert set(certificate["spec"]["usages"]) == {"digital signature", "server auth"}  # TLS 1.3 signs with the key
    names = set(certificate["spec"]["dnsNames"])
    for service in of_kind("everything", "Service"):
        if any(port["targetPort"] == "gateway" for port in service["spec"]["ports"]):
            assert f"{service['metadata']['name']}.faces.svc" in names
    (policy,) = of_kind("everything", "BackendTLSPolicy")
    assert policy["spec"]["validation"]["hostname"] in names
    for deployment in deployments("everything"):
        secrets = [
            v["secret"]["secretName"] for v in deployment["spec"]["template"]["spec"]["volumes"] if "secret" in v
        ]
        assert certificate["spec"]["secretName"] in secrets


@pytest.mark.parametrize("name", ["cpu", "gpu-tensorrt", "everything"])
def test_monitors_select_the_pods_and_label_their_series(name: str) -> None:
    for monitor in of_kind(name, "PodMonitor", "ServiceMonitor"):
        selector = monitor["spec"]["selector"]["matchLabels"]
        if monitor["kind"] == "PodMonitor":
            found, endpoints = selected(name, selector), monitor["spec"]["podMetricsEndpoints"]
        else:
            services = [
                one for one in of_kind(name, "Service") if selector.items() <= one["metadata"]["labels"].items()
            ]
            (service,) = services
            found, endpoints = selected(name, service["spec"]["selector"]), monitor["spec"]["endpoints"]
            assert {port["name"] for port in service["spec"]["ports"]} == {one["port"] for one in endpoints}
        assert found == [one["spec"]["template"] for one in of_kind(name, "Deployment")]
        assert {one["port"] for one in endpoints} == {"metrics", "health"}
        for endpoint in endpoints:
            labels = {
                one["targetLabel"]: one["sourceLabels"][0].removeprefix("__meta_kubernetes_pod_label_")
                for one in endpoint["relabelings"]
            }
            on_pods = {key.replace(".", "_").replace("/", "_") for pod in found for key in pod["metadata"]["labels"]}
            assert labels.keys() == {"wrinkle_release", "track"}
            assert set(labels.values()) <= on_pods
