"""Values that cannot work are refused before anything is installed, with a name or a sentence; good ones are not."""

from __future__ import annotations

from typing import Any

import pytest

from chart_checks.matrix import REQUIRED
from chart_checks.rendering import RenderError, render, rendered_text

pytestmark = pytest.mark.needs("npm")

Values = dict[str, Any]

ROUTES: Values = {
    "type": "gatewayApi",
    "hostname": "a.example.com",
    "grpcHostname": "b.example.com",
    "parentRefs": [{"name": "g"}],
}
MONITORED: Values = {"monitoring": {"rules": True, "scrape": "podMonitor"}}
KEDA: Values = {**MONITORED, "autoscaling": {"type": "keda", "keda": {"prometheusUrl": "http://p:9090"}}}
GPU: Values = {
    "runtime": "tensorrt",
    "artefact": {"source": "pvc", "pvc": {"claimName": "networks"}},
    "plans": {"image": {"repository": "registry.example.com/plans", "tag": "1"}},
}
L4: Values = {"name": "l4", "nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-L4"}}

IMAGES: dict[str, tuple[Values, str]] = {
    "no image": ({"image": {"repository": ""}}, "/image/repository"),
    "address for a repository": ({"image": {"repository": "https://registry.example.com/a"}}, "/image/repository"),
    "tag in the repository": ({"image": {"repository": "registry.example.com/a:1"}}, "/image/repository"),
    "neither tag nor digest": ({"image": {"digest": ""}}, "/image"),
    "digest without its algorithm": ({"image": {"digest": "1" * 64}}, "/image/digest"),
    "latest": ({"image": {"digest": "", "tag": "latest"}}, "/image/tag"),
    "gateway's image without tag and digest": ({"gateway": {"image": {"repository": "a/b"}}}, "/gateway/image"),
    "unpinned image of the bucket": ({"artefact": {"s3": {"image": "a/aws-cli"}}}, "/artefact/s3/image"),
    "port taken for a tag": ({"artefact": {"s3": {"image": "registry:5000/aws-cli"}}}, "/artefact/s3/image"),
    "TensorRT without digest": ({**GPU, "image": {"digest": "", "tag": "1"}}, "/image/digest"),
    "canary on TensorRT without who builds its plans": (
        {**GPU, "canary": {"enabled": True, "image": {"digest": f"sha256:{'2' * 64}"}}, "exposure": ROUTES},
        "canary.plansImage is required",
    ),
    "TensorRT without who builds plans": ({**GPU, "plans": {}}, "plans.image is required"),
}
NETWORKS: dict[str, tuple[Values, str]] = {
    "TensorRT without networks": ({**GPU, "artefact": {}}, "onnx-fp16"),
    "claim without a name": ({"artefact": {"source": "pvc"}}, "artefact.pvc.claimName is required"),
    "bucket without an image": ({"artefact": {"source": "s3", "s3": {"uri": "s3://a/b"}}}, "artefact.s3.image"),
    "bucket behind a closed door": (
        {"artefact": {"source": "s3", "s3": {"uri": "s3://a/b", "image": "a/aws-cli:2"}}},
        "artefact.source s3 needs networkPolicy.egress",
    ),
    "canary's networks without a name": (
        {"canary": {"enabled": True, "artefact": {"source": "pvc"}}, "exposure": ROUTES},
        "artefact.pvc.claimName is required",
    ),
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
    "batches out of order": ({"plans": {"optBatch": 9}}, "minBatch <= optBatch <= maxBatch"),
    "plans ahead without TensorRT": ({"plans": {"prebuild": [L4]}}, "prebuild goes with runtime tensorrt"),
    "plans ahead for any GPU": ({"plans": {"prebuild": [{"name": "l4", "nodeSelector": {}}]}}, "nodeSelector"),
    "two jobs of one name": (
        {**GPU, "plans": {**GPU["plans"], "prebuild": [L4, {"name": "l4", "nodeSelector": {"gpu": "other"}}]}},
        "prebuild has a name twice",
    ),
    "cache for one pod, two replicas": (
        {**GPU, "plans": {**GPU["plans"], "cache": {"accessMode": "ReadWriteOncePod"}}},
        "ReadWriteOncePod lets one pod have the cache",
    ),
}
SIZES: dict[str, tuple[Values, str]] = {
    "misspelt value": ({"servr": {}}, "servr"),
    "misspelt nested value": ({"server": {"instance": 2}}, "instance"),
    "memory as a quantity": ({"server": {"memoryMib": "4GiB"}}, "/server/memoryMib"),
    "cores as a quantity of memory": ({"server": {"cpu": "4GiB"}}, "/server/cpu"),
    "cores as a number": ({"server": {"cpu": 4}}, "/server/cpu"),
    "a thousandth of a core": ({"gateway": {"cpu": "1m"}}, "/gateway/cpu"),
    "more threads than cores": (
        {"server": {"threads": 2, "cpu": "1500m"}},
        "server.threads is 2, more than server.cpu",
    ),
    "threads of the whole node": ({"server": {"threads": 0}}, "every core of the node"),
    "photographs that the gateway cannot hold": ({"server": {"maxEncodedMib": 256}}, "/server/maxEncodedMib"),
    "more waiting than queue": ({"server": {"maxWaiting": 65}}, "no more can wait"),
    "same segmenter twice": ({"server": {"models": ["unetpp", "unetpp"]}}, "/server/models"),
    "root": ({"security": {"runAsUser": 0}}, "/security/runAsUser"),
    "negative wait": ({"gateway": {"drainTimeoutS": -1}}, "/gateway/drainTimeoutS"),
}
REPLICAS: dict[str, tuple[Values, str]] = {
    "no replicas under an autoscaler": ({**KEDA, "replicas": 0}, "replicas is 0 although autoscaling is on"),
    "budget that blocks every drain": ({"podDisruptionBudget": {"minAvailable": 2}}, "no node could ever be drained"),
    "budget against autoscaling": (
        {**MONITORED, "replicas": 9, "autoscaling": {"type": "hpa", "minReplicas": 1}},
        "is 1 of at least 1 replicas",
    ),
    "min above max": ({"autoscaling": {"minReplicas": 11}}, "minReplicas is more than"),
    "rollout that cannot begin": ({"rollout": {"maxSurge": 0}}, "could never begin"),
    "rollout that takes all": ({"rollout": {"maxUnavailable": 2}}, "could take all at once"),
    "negative window": ({"autoscaling": {"scaleDown": {"stabilizationWindowS": -1}}}, "stabilizationWindowS"),
    "window beyond Kubernetes's hour": ({"autoscaling": {"scaleUp": {"stabilizationWindowS": 3601}}}, "WindowS"),
    "busy more than all the time": ({"autoscaling": {"targetBusyPercent": 101}}, "targetBusyPercent"),
    "fallback above max": (
        {**KEDA, "autoscaling": {**KEDA["autoscaling"], "maxReplicas": 3}},
        "fallbackReplicas is more than",
    ),
    "KEDA without Prometheus": ({**MONITORED, "autoscaling": {"type": "keda"}}, "prometheusUrl"),
    "Prometheus without a scheme": (
        {**MONITORED, "autoscaling": {"type": "keda", "keda": {"prometheusUrl": "p:9090"}}},
        "prometheusUrl",
    ),
    "autoscaling without metrics": ({"autoscaling": {"type": "hpa"}}, "autoscaling needs monitoring.rules"),
    "rules without scraping": ({"monitoring": {"rules": True}}, "rules needs monitoring.scrape"),
    "scraped less often than the rules' windows allow": ({"monitoring": {"intervalS": 60}}, "/monitoring/intervalS"),
    "Prometheus behind a closed door": (
        {**MONITORED, "networkPolicy": {"monitoring": []}},
        "monitoring.scrape needs networkPolicy.monitoring",
    ),
    "canary without routes": ({"canary": {"enabled": True}}, "canary needs exposure.type gatewayApi"),
    "canary of more than everything": ({"canary": {"weight": 101}}, "/canary/weight"),
    "requests for a canary that nobody runs": (
        {"canary": {"enabled": True, "replicas": 0}, "exposure": ROUTES},
        "canary.replicas 0, where nobody answers",
    ),
}
CALLERS: dict[str, tuple[Values, str]] = {
    "nobody may ask": ({"gateway": {"tokensSecretName": ""}}, "/gateway"),
    "tokens without TLS": ({"gateway": {"tls": {"secretName": ""}}}, "/gateway"),
    "TLS switched off": ({"gateway": {"tls": {"enabled": False}}}, "/gateway/tls"),
    "two certificates": (
        {"gateway": {"tls": {"certManager": {"enabled": True, "issuerName": "i"}}}},
        "secretName is not read with gateway.tls.certManager",
    ),
    "certificate renewed before it is made": (
        {"gateway": {"tls": {"certManager": {"durationHours": 24}}}},
        "renewBeforeHours must be less",
    ),
    "port out of range": ({"service": {"port": 65536}}, "/service/port"),
    "host with a scheme": ({"exposure": {**ROUTES, "hostname": "https://a.example.com"}}, "/exposure/hostname"),
    "host with an empty label": ({"exposure": {**ROUTES, "hostname": "a..example.com"}}, "/exposure/hostname"),
    "one host for both routes": ({"exposure": {**ROUTES, "grpcHostname": "a.example.com"}}, "must differ"),
    "routes of no gateway": ({"exposure": {**ROUTES, "parentRefs": [{}]}}, "/exposure/parentRefs"),
    "client certificates behind an edge": (
        {
            "gateway": {"tls": {"clientCaSecretName": "clients"}},
            "exposure": {**ROUTES, "type": "ingress", "parentRefs": [], "ingress": {"tlsSecretName": "public"}},
        },
        "show no certificate of the client",
    ),
    "everybody may come": ({"networkPolicy": {"clients": [{}]}}, "/networkPolicy/clients"),
    "misspelt peer": ({"networkPolicy": {"clients": [{"podSelecter": {}}]}}, "podSelecter"),
    "pods may go everywhere": (
        {"networkPolicy": {"egress": [{"ports": [{"port": 443}]}]}},
        "/networkPolicy/egress",
    ),
    "traces behind a closed door": (
        {"tracing": {"otlpEndpoint": "http://collector:4318"}},
        "otlpEndpoint needs networkPolicy.egress",
    ),
    "collector over HTTPS": ({"tracing": {"otlpEndpoint": "https://collector:4318"}}, "/tracing/otlpEndpoint"),
    "headers for no collector": ({"tracing": {"headersSecretName": "h"}}, "nobody to send the headers to"),
}
NAMES: dict[str, tuple[Values, str]] = {
    "name that no Service may have": ({"fullnameOverride": "1a"}, "/fullnameOverride"),
    "label of the chart's own": ({"podLabels": {"track": "canary"}}, "podLabels.track is a label by which"),
    "annotation of the chart's own": ({"podAnnotations": {"checksum/settings": "1"}}, "is the chart's own"),
    "label too long for Kubernetes": ({"podLabels": {"team": "t" * 64}}, "/podLabels/team"),
    "toleration of nothing": ({"tolerations": [{}]}, "/tolerations"),
}
REFUSED = IMAGES | NETWORKS | SIZES | REPLICAS | CALLERS | NAMES
TAKEN: dict[str, Values] = {
    "registry with a port": {"image": {"repository": "registry.example.com:5000/team/a-b_c.d"}},
    "canary that is out and has no replicas": {
        "canary": {"enabled": True, "weight": 0, "replicas": 0},
        "exposure": ROUTES,
    },
    "canary that has everything": {"canary": {"enabled": True, "weight": 100}, "exposure": ROUTES},
    "one replica that goes before the next comes": {
        **GPU,
        "plans": {**GPU["plans"], "cache": {"accessMode": "ReadWriteOncePod"}},
        "replicas": 1,
        "rollout": {"maxSurge": 0, "maxUnavailable": 1},
        "podDisruptionBudget": {"enabled": False},
    },
    "as many threads as cores": {"server": {"threads": 3, "cpu": "3"}},
    "largest photographs": {"server": {"maxEncodedMib": 255}},
    "everything stopped": {"replicas": 0, "podDisruptionBudget": {"enabled": False}},
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_work_is_refused_with_a_reason(case: str) -> None:
    values, reason = REFUSED[case]
    with pytest.raises(RenderError) as refusal:
        render([REQUIRED], values)
    assert reason in str(refusal.value)


@pytest.mark.parametrize("case", TAKEN)
def test_what_can_work_is_taken(case: str) -> None:
    assert {one["kind"] for one in render([REQUIRED], TAKEN[case])} >= {"Deployment", "Service"}


def test_no_values_at_all_are_refused() -> None:
    with pytest.raises(RenderError, match="/image/repository"):
        render([])


@pytest.mark.parametrize("release", ["1wrinkle", "wrinkle.v2"])
def test_release_whose_name_no_service_may_have_is_refused(release: str) -> None:
    with pytest.raises(RenderError, match="cannot be the name of a Service"):
        rendered_text([REQUIRED], release=release)
