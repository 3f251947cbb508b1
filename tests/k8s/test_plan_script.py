"""The script that builds plans in a pod, really run, on a cache in a real file system.

With ``plan_builder`` in the place of TensorRT and GPU it goes through to a repository; without a GPU it ends early.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import importlib.util
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from chart_checks.rendering import CHART
from plan_builder import on_gpu_host
from supervised_server import wait_until
from tensorrt_graphs import darkness_graph, publish_graph
from wrinkle_core.contract import segmenter
from wrinkle_export.artifacts.build_folder import MANIFEST_FILE, BuildFolder

SCRIPT = CHART / "files" / "build-plans.sh"
LIMIT_S = 120
NO_GPU = 3
TENSORRT = importlib.import_module("tensorrt").__version__ if importlib.util.find_spec("tensorrt") else "none"
L4, H100 = "NVIDIA L4", "NVIDIA H100"
L4_PLAN = "unetpp/tensorrt-fp16-sm8.9-nvidia-l4"


@pytest.fixture
def artefact(tmp_path: Path) -> Path:
    folder = tmp_path / "artefact"
    publish_graph(BuildFolder(folder), darkness_graph(input_px=segmenter("unetpp").input_px), "unetpp")
    return folder


class Pod:
    """A pod's init container: the script with an environment of its own, beside others on one cache."""

    def __init__(
        self, artefact: Path, folder: Path, gpu: str | None = None, lock_timeout_s: int = 60, hold: Path | None = None
    ) -> None:
        plans = folder / "plans"
        plans.mkdir(exist_ok=True)
        self.repository = Path(folder, f"repository-{len(list(folder.iterdir()))}")
        programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        if gpu is not None:
            host = folder / "gpu-host"
            programs = f"{host}:{os.environ['PATH']}" if host.is_dir() else on_gpu_host(host)
        environment = {
            "PATH": programs,
            "HOME": str(folder),
            "CUDA_VISIBLE_DEVICES": "",  # a GPU host behaves as one without
            "ARTEFACT": str(artefact),
            "PLAN_CACHE": str(plans),
            "REPOSITORY": str(self.repository),
            "NETWORKS": "unetpp",
            "LOCK_TIMEOUT_S": str(lock_timeout_s),
            "PLAN_OPTIONS": "--min-batch 1 --opt-batch 4 --max-batch 8",
            "REPOSITORY_OPTIONS": "--preprocess-instances 2",
            "GPU_NAME": gpu or "",
            "HOLD": str(hold or ""),
        }
        self.process = subprocess.Popen(
            ["sh", str(SCRIPT)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def ended(self) -> tuple[int, str]:
        """Return how it ended and what it said."""
        said, _ = self.process.communicate(timeout=LIMIT_S)
        return self.process.returncode, said

    def kill(self) -> None:
        """Kill every process of it, as a node does."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate(timeout=LIMIT_S)

    def served_plans(self) -> list[bytes]:
        """Return the plans in the repository that it made."""
        return [path.read_bytes() for path in sorted(self.repository.glob("unetpp/1/*.plan"))]


def cached(artefact: Path, folder: Path) -> Path:
    digest = hashlib.sha256((artefact / MANIFEST_FILE).read_bytes()).hexdigest()[:16]
    return folder / "plans" / f"{digest}-{TENSORRT}"


def plan_file(build: BuildFolder, name: str) -> Path:
    return build.checked_files(build.artifact(name))[0]


def test_without_a_gpu_nothing_is_served_and_the_artefact_lies_whole_in_the_cache(
    artefact: Path, tmp_path: Path
) -> None:
    """What a killed pod left half copied is copied again."""
    half = cached(artefact, tmp_path)
    for folder in (half, half.with_name(f"{half.name}.staging")):
        folder.mkdir(parents=True)
        (folder / "left-over").touch()
    pod = Pod(artefact, tmp_path)
    code, said = pod.ended()
    assert code == NO_GPU, said
    assert not pod.repository.exists()
    copied = BuildFolder(half)
    copied.checked_files(copied.artifact("unetpp/onnx-fp16"))
    assert not (half / "left-over").exists()
    assert sorted(path.name for path in half.parent.iterdir()) == [half.name, f"{half.name}.lock"]


def test_pod_waits_for_another_that_builds_and_says_so_when_it_takes_too_long(artefact: Path, tmp_path: Path) -> None:
    lock = Path(f"{cached(artefact, tmp_path)}.lock")
    lock.parent.mkdir()
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        code, said = Pod(artefact, tmp_path, lock_timeout_s=1).ended()
    assert code == 1
    assert "Another pod has held the plan cache for 1 s" in said
    assert not cached(artefact, tmp_path).exists()


def test_pods_of_two_gpu_models_build_each_plan_once_whatever_happens(artefact: Path, tmp_path: Path) -> None:
    """One is killed with its plan almost made, two start together, one finds a harmed plan, one is another GPU."""
    hold, build = tmp_path / "hold", BuildFolder(cached(artefact, tmp_path))

    killed = Pod(artefact, tmp_path, L4, hold=hold)
    wait_until(hold.exists, LIMIT_S)
    killed.kill()
    hold.unlink()
    assert set(build.manifest().artifacts) == {"unetpp/onnx-fp16"}
    assert not killed.repository.exists()

    together = [Pod(artefact, tmp_path, L4), Pod(artefact, tmp_path, L4)]
    ends = [pod.ended() for pod in together]
    assert [code for code, _ in ends] == [0, 0], ends
    assert sorted("up to date" in said for _, said in ends) == [False, True]
    plan = plan_file(build, L4_PLAN)
    made = plan.read_bytes()
    assert [pod.served_plans() for pod in together] == [[made], [made]]

    plan.write_bytes(made[:-1] + b"\0")
    mended = Pod(artefact, tmp_path, L4)
    code, said = mended.ended()
    assert (code, "up to date" in said) == (0, False), said
    assert mended.served_plans() == [plan_file(build, L4_PLAN).read_bytes()]

    other = Pod(artefact, tmp_path, H100)
    code, said = other.ended()
    assert code == 0, said
    h100_plan = plan_file(build, "unetpp/tensorrt-fp16-sm9.0-nvidia-h100")
    assert other.served_plans() == [h100_plan.read_bytes()]
    assert build.artifact(L4_PLAN).plan is not None
