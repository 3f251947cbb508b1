"""The batch jobs: valid Kubernetes, locked down, and true to the command line that they run."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from chart_checks.api_schemas import KUBERNETES_VERSIONS, SchemaError, require_valid
from wrinkle_client.commands.segment import segment
from wrinkle_train.commands.weak_labels import weak_labels

BATCH = Path(__file__).resolve().parents[2] / "k8s" / "batch"
JOBS = [BATCH / "segment-job.yaml", BATCH / "weak-labels-job.yaml"]
COMMANDS: dict[str, Callable[..., None]] = {"segment": segment, "weak-labels": weak_labels}


def read(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def container(job: dict[str, Any]) -> dict[str, Any]:
    (only,) = job["spec"]["template"]["spec"]["containers"]
    return dict(only)


def flags(name: str) -> set[str]:
    """Return every flag of a command."""
    app = typer.Typer()
    app.command(name)(COMMANDS[name])
    command = typer.main.get_command(app)
    return {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_a_job_is_valid_for_every_version_of_kubernetes(path: Path, version: str) -> None:
    require_valid(read(path), version)


def test_a_misspelt_field_would_be_found() -> None:
    job = read(JOBS[0])
    job["spec"]["complitions"] = 1
    with pytest.raises(SchemaError, match="complitions"):
        require_valid(job, "1.33")


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_a_job_runs_its_command_with_flags_that_exist(path: Path) -> None:
    only = container(read(path))
    words = " ".join(only["args"])
    used = set(re.findall(r"(?<!\S)(--[a-z-]+)", words))
    assert used
    assert used <= flags(only["name"])


def test_as_many_shards_as_completions() -> None:
    job = read(BATCH / "segment-job.yaml")
    assert f"--shard-count={job['spec']['completions']}" in container(job)["args"]
    assert job["spec"]["completionMode"] == "Indexed"


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_a_job_is_locked_down_and_bounded(path: Path) -> None:
    job = read(path)
    pod, only = job["spec"]["template"]["spec"], container(job)
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert only["securityContext"]["readOnlyRootFilesystem"] is True
    assert only["securityContext"]["allowPrivilegeEscalation"] is False
    assert only["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert set(only["resources"]["limits"]) == {"cpu", "memory", "ephemeral-storage"}
    mounts = {mount["name"]: mount for mount in only["volumeMounts"]}
    assert {volume["name"] for volume in pod["volumes"]} == set(mounts)
    assert next(mount for mount in only["volumeMounts"] if mount["mountPath"] == "/in")["readOnly"] is True
    assert job["spec"]["backoffLimitPerIndex"] >= 1
    assert "latest" not in only["image"]


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_exit_codes_that_no_retry_changes_end_a_shard(path: Path) -> None:
    rules = read(path)["spec"]["podFailurePolicy"]["rules"]
    by_action = {rule["action"]: rule for rule in rules}
    assert by_action["FailIndex"]["onExitCodes"]["values"] == [1, 2]
    assert by_action["FailIndex"]["onExitCodes"]["containerName"] == container(read(path))["name"]
    assert by_action["Ignore"]["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]
