"""The script that builds plans in a pod, as far as it goes without a GPU: the cache, the lock, and no repository."""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chart_checks.rendering import CHART
from tensorrt_graphs import darkness_graph, publish_graph
from wrinkle_export.artifacts.build_folder import MANIFEST_FILE, BuildFolder

SCRIPT = CHART / "files" / "build-plans.sh"
NO_GPU = 3
TENSORRT = importlib.import_module("tensorrt").__version__ if importlib.util.find_spec("tensorrt") else "none"


@pytest.fixture
def artefact(tmp_path: Path) -> Path:
    folder = tmp_path / "artefact"
    publish_graph(BuildFolder(folder), darkness_graph(), "unetpp")
    return folder


def run(artefact: Path, folder: Path, *, lock_timeout_s: int = 60) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "CUDA_VISIBLE_DEVICES": "",  # a GPU host behaves as one without
        "ARTEFACT": str(artefact),
        "PLAN_CACHE": str(folder / "plans"),
        "REPOSITORY": str(folder / "repository"),
        "NETWORKS": "unetpp",
        "LOCK_TIMEOUT_S": str(lock_timeout_s),
        "PLAN_OPTIONS": "--min-batch 1 --opt-batch 4 --max-batch 8",
        "REPOSITORY_OPTIONS": "--preprocess-instances 2",
    }
    (folder / "plans").mkdir(exist_ok=True)
    return subprocess.run(
        ["sh", str(SCRIPT)], env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def cached(artefact: Path, folder: Path) -> Path:
    digest = hashlib.sha256((artefact / MANIFEST_FILE).read_bytes()).hexdigest()[:16]
    return folder / "plans" / f"{digest}-{TENSORRT}"


def test_without_a_gpu_nothing_is_served_and_the_artefact_lies_whole_in_the_cache(
    artefact: Path, tmp_path: Path
) -> None:
    done = run(artefact, tmp_path)
    assert done.returncode == NO_GPU, done.stderr
    assert not (tmp_path / "repository").exists()
    copied = BuildFolder(cached(artefact, tmp_path))
    copied.checked_files(copied.artifact("unetpp/onnx-fp16"))
    assert not list((tmp_path / "plans").glob(".staging-*"))


def test_artefact_half_copied_by_a_killed_pod_is_copied_again(artefact: Path, tmp_path: Path) -> None:
    half = cached(artefact, tmp_path)
    half.mkdir(parents=True)
    (half / "left-over").touch()
    assert run(artefact, tmp_path).returncode == NO_GPU
    assert sorted(path.name for path in half.iterdir() if not path.name.startswith(".")) == ["manifest.json", "unetpp"]


def test_pod_waits_for_another_that_builds_and_says_so_when_it_takes_too_long(artefact: Path, tmp_path: Path) -> None:
    lock = Path(f"{cached(artefact, tmp_path)}.lock")
    lock.parent.mkdir()
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = run(artefact, tmp_path, lock_timeout_s=1)
    assert done.returncode == 1
    assert "Another pod has held the plan cache for 1 s" in done.stderr
    assert not cached(artefact, tmp_path).exists()
