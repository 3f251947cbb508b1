"""Plans built, executed and compared on a real GPU: ``make gpu-check``. See docs/gpu-checklist.md."""

from __future__ import annotations

import subprocess
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from small_networks import SMALL_NETWORKS, traced
from tensorrt_graphs import CHANNELS, INPUT_PX, darkness_graph, mixed_types_graph, publish_graph
from wrinkle_core.errors import ArtifactError
from wrinkle_export.artifacts.build_folder import BuildFolder
from wrinkle_export.graph.half import compute_in_half
from wrinkle_export.tensorrt.build_plan import build_plan, onnx_source
from wrinkle_export.tensorrt.comparison import PlanDiffersError, onnx_runtime, seeded_pictures
from wrinkle_export.tensorrt.compile_plan import compile_plan
from wrinkle_export.tensorrt.parsing import parser_refusals
from wrinkle_export.tensorrt.plan_options import HardwareCompatibility, PlanOptions
from wrinkle_export.tensorrt.preflight import find_gpu
from wrinkle_export.tensorrt.toolkit import RunPlan, Toolkit, gpu_toolkit

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(1800)]
OPTIONS = PlanOptions(1, 2, 4, workspace_mib=1024)


@pytest.fixture(scope="module")
def toolkit() -> Toolkit:
    return gpu_toolkit()


@pytest.fixture
def build(tmp_path: Path) -> BuildFolder:
    folder = BuildFolder(tmp_path / "build")
    publish_graph(folder, darkness_graph())
    return folder


def test_the_preflight_names_the_gpu_as_nvidia_smi_does() -> None:
    query = ["nvidia-smi", "--query-gpu=name,compute_cap", "--format=csv,noheader"]
    listed = subprocess.run(query, capture_output=True, text=True, timeout=60, check=True).stdout
    gpu = find_gpu()
    assert f"{gpu.name}, {gpu.compute_capability}" in listed.splitlines()


def test_tensorrt_types_strongly_and_names_the_node_that_mixes_types(toolkit: Toolkit) -> None:
    (refusal,) = parser_refusals(toolkit.module, mixed_types_graph())
    assert refusal.node == "mixed_sum"


@pytest.mark.parametrize("name", SMALL_NETWORKS)
def test_a_plan_computes_what_onnx_runtime_computes(name: str, toolkit: Toolkit, tmp_path: Path) -> None:
    folder = BuildFolder(tmp_path)
    publish_graph(folder, compute_in_half(traced(name)), name)
    artifact, built = build_plan(folder, onnx_source(folder, name, "fp16"), toolkit, OPTIONS)
    assert built
    assert artifact.parity[0].passed


def test_a_second_build_does_nothing(build: BuildFolder, toolkit: Toolkit) -> None:
    source = onnx_source(build, "darkness", "fp16")
    artifact, _ = build_plan(build, source, toolkit, OPTIONS)
    assert build_plan(build, source, toolkit, OPTIONS) == (artifact, False)


def test_the_plan_of_another_graph_is_not_published(build: BuildFolder, toolkit: Toolkit) -> None:
    other = compile_plan(toolkit.module, darkness_graph(white=200), OPTIONS, name="other")

    def open_other(plan: bytes) -> AbstractContextManager[RunPlan]:
        return toolkit.open_plan(other)

    with pytest.raises(PlanDiffersError):
        build_plan(build, onnx_source(build, "darkness", "fp16"), replace(toolkit, open_plan=open_other), OPTIONS)
    assert list(build.manifest().artifacts) == ["darkness/onnx-fp16"]


def test_a_plan_takes_every_batch_of_its_profile_and_no_larger_one(toolkit: Toolkit) -> None:
    pictures = seeded_pictures(OPTIONS.max_batch + 1, CHANNELS, INPUT_PX)
    wanted = onnx_runtime(darkness_graph())(pictures)
    plan = compile_plan(toolkit.module, darkness_graph(), OPTIONS, name="darkness")
    with toolkit.open_plan(plan) as run:
        for batch in range(1, OPTIONS.max_batch + 1):
            assert np.array_equal(run(pictures[:batch]), wanted[:batch])
        with pytest.raises(ArtifactError, match="does not take an input of shape"):
            run(pictures)


@pytest.mark.parametrize("level", ["same_compute_capability", "ampere_plus"])
def test_a_hardware_compatible_plan_runs_here(
    level: HardwareCompatibility, build: BuildFolder, toolkit: Toolkit
) -> None:
    options = replace(OPTIONS, hardware_compatibility=level)
    artifact, _ = build_plan(build, onnx_source(build, "darkness", "fp16"), toolkit, options)
    assert artifact.name.endswith(level)


def test_a_version_compatible_plan_carries_its_runtime(build: BuildFolder, toolkit: Toolkit) -> None:
    source = onnx_source(build, "darkness", "fp16")
    plain, _ = build_plan(build, source, toolkit, OPTIONS)
    portable, _ = build_plan(build, source, toolkit, replace(OPTIONS, version_compatible=True))
    assert portable.files[0].size_bytes > plain.files[0].size_bytes + 1_000_000


def test_kernel_timings_are_taken_over_by_the_next_build(build: BuildFolder, toolkit: Toolkit, tmp_path: Path) -> None:
    source = onnx_source(build, "darkness", "fp16")
    build_plan(build, source, toolkit, OPTIONS, tmp_path / "timings")
    (timings,) = (tmp_path / "timings").glob("*.timing")
    first = timings.stat().st_size
    build_plan(build, source, toolkit, replace(OPTIONS, workspace_mib=2048), tmp_path / "timings")
    assert timings.stat().st_size >= first > 0
