"""The RayJob: valid, locked down, and true to the command line that it runs."""

from __future__ import annotations

import importlib.metadata
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from chart_checks.api_schemas import KUBERNETES_VERSIONS, SchemaError, require_valid
from wrinkle_batch.on_ray_command import app
from wrinkle_batch.parsed_command import parse_command
from wrinkle_batch.parts import parted

BATCH = Path(__file__).resolve().parents[2] / "k8s" / "batch"
JOB, POLICY = yaml.safe_load_all((BATCH / "ray-job.yaml").read_text(encoding="utf-8"))
CLUSTER = JOB["spec"]["rayClusterSpec"]
GROUPS = {"head": CLUSTER["headGroupSpec"], "workers": CLUSTER["workerGroupSpecs"][0]}
TEMPLATES = {name: group["template"] for name, group in GROUPS.items()}


def as_pod(template: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", **template, "metadata": {"name": "ray", **template["metadata"]}}


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
def test_job_pods_and_policy_are_valid(version: str) -> None:
    for document in (JOB, POLICY, *map(as_pod, TEMPLATES.values())):
        require_valid(document, version)


def test_a_misspelt_field_would_be_found() -> None:
    with pytest.raises(SchemaError, match="entrypiont"):
        require_valid({**JOB, "spec": {**JOB["spec"], "entrypiont": "true"}}, "1.33")


def test_the_line_is_one_that_the_command_takes_and_needs_no_more_workers_than_there_are() -> None:
    name, *words = shlex.split(JOB["spec"]["entrypoint"].removeprefix("wrinkle "))
    command = typer.main.get_command(app)
    assert name == "on-ray"
    values = command.make_context(name, words).params
    assert len(parted(parse_command(values["words"]), values["shard_count"])) == 16
    workers = GROUPS["workers"]
    assert values["at_a_time"] == workers["replicas"] == workers["maxReplicas"]
    assert values["cpus_per_shard"] == float(workers["rayStartParams"]["num-cpus"])
    assert GROUPS["head"]["rayStartParams"]["num-cpus"] == "0"


def test_the_line_is_that_of_the_indexed_job() -> None:
    (job,) = yaml.safe_load_all((BATCH / "segment-job.yaml").read_text(encoding="utf-8"))
    (container,) = job["spec"]["template"]["spec"]["containers"]
    indexed = parse_command([word.replace("$(SHARD)", "0") for word in container["args"]])
    words = shlex.split(JOB["spec"]["entrypoint"])
    (*shards,) = parted(parse_command(words[words.index("segment") :]), 16)
    assert dict(parse_command(shards[0].words).values) == dict(indexed.values)


def test_the_versions_of_ray_agree() -> None:
    assert CLUSTER["rayVersion"] == importlib.metadata.version("ray")


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_pod_is_locked_down_and_bounded(name: str) -> None:
    pod = TEMPLATES[name]["spec"]
    (only,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert set(only["resources"]["limits"]) == {"cpu", "memory", "ephemeral-storage"}
    assert {volume["name"] for volume in pod["volumes"]} == {mount["name"] for mount in only["volumeMounts"]}
    assert {"name": "RAY_USAGE_STATS_ENABLED", "value": "0"} in only["env"]
    assert JOB["spec"]["rayClusterSpec"]["authOptions"] == {"mode": "token"}


def test_only_ray_itself_and_its_operator_reach_the_pods() -> None:
    (rule,) = POLICY["spec"]["ingress"]
    own = POLICY["spec"]["podSelector"]
    assert all(own["matchLabels"].items() <= template["metadata"]["labels"].items() for template in TEMPLATES.values())
    assert rule["from"][0] == {"podSelector": own}
    assert len(rule["from"]) == 2
    assert TEMPLATES["workers"]["metadata"]["labels"]["wrinkle-client"] == "true"
