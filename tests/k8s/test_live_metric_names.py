"""Every metric that rules, dashboard and autoscaling read is one that a real server shows."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from chart_checks.rendering import CHART
from wrinkle_server.supervision.instruments import Instruments
from wrinkle_server.triton.model_server import ModelServer

pytestmark = pytest.mark.live

ON_GPU_HOSTS_ONLY = {"nv_gpu_utilization", "nv_gpu_memory_used_bytes", "nv_gpu_memory_total_bytes"}


def asked() -> set[str]:
    rules = [
        rule["expr"]
        for file in sorted((CHART / "files/rules").glob("*.yaml"))
        for group in yaml.safe_load(file.read_bytes())["groups"]
        for rule in group["rules"]
    ]
    dashboard = json.loads((CHART / "files/dashboards/wrinkle-serving.json").read_bytes())
    panels = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    return {name for query in (*rules, *panels) for name in re.findall(r"\b((?:nv|wrinkle)_\w+)\{", query)}


def families(page: str) -> set[str]:
    return set(re.findall(r"^# TYPE (\S+) ", page, re.MULTILINE))


def test_every_metric_is_on_a_real_page(live_server: ModelServer) -> None:
    shown = families(live_server.admin.metrics()) | families(Instruments().page().decode())
    names = asked()
    assert {"nv_inference_queue_duration_us", "nv_inference_pending_request_count", "wrinkle_ready"} <= names
    assert names - ON_GPU_HOSTS_ONLY - shown == set()


def test_composing_models_and_ensembles_are_told_apart_by_name(live_server: ModelServer) -> None:
    page = live_server.admin.metrics()
    models = set(re.findall(r'^nv_inference_queue_duration_us\{model="([^"]+)"', page, re.MULTILINE))
    ensembles = {name for name in models if name.startswith("wrinkle_")}
    assert ensembles == {spec.ensemble for spec in live_server.options.segmenters}
    assert models - ensembles == {"skin_mask", "skin_texture", "unetpp", "unet_texture", "threshold"}
