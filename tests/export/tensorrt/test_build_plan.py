from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tensorrt_graphs import L4, darkness_graph, publish_graph, rtx_toolkit, unsupported_graph
from wrinkle_core.contract import NETWORK_CONTRACT_VERSION
from wrinkle_core.errors import ArtifactError, ContractError
from wrinkle_export.artifacts.build_folder import BuildFolder
from wrinkle_export.artifacts.manifest import PlanTarget
from wrinkle_export.tensorrt.build_plan import build_plan, onnx_source
from wrinkle_export.tensorrt.comparison import PlanDiffersError
from wrinkle_export.tensorrt.plan_options import PlanOptions
from wrinkle_export.tensorrt.preflight import Gpu
from wrinkle_export.tensorrt.refusal import GraphRefusedError

pytestmark = pytest.mark.filterwarnings("ignore:Use Deprecated in TensorRT-RTX:DeprecationWarning")
OPTIONS = PlanOptions(max_batch=4)
PLAN = "darkness/tensorrt-fp16-sm8.9-nvidia-l4"


@pytest.fixture
def build(tmp_path: Path) -> BuildFolder:
    folder = BuildFolder(tmp_path / "build")
    publish_graph(folder, darkness_graph())
    return folder


def _files(build: BuildFolder) -> set[str]:
    return {path.relative_to(build.path).as_posix() for path in build.path.rglob("*") if path.is_file()}


def test_a_plan_is_published_with_its_log_and_what_it_is_valid_for(build: BuildFolder) -> None:
    toolkit, source = rtx_toolkit(darkness_graph()), onnx_source(build, "darkness", "fp16")
    artifact, built = build_plan(build, source, toolkit, OPTIONS)
    plan, log = build.checked_files(artifact)
    assert built
    assert (artifact.name, artifact.kind, artifact.precision) == (PLAN, "tensorrt", "fp16")
    assert (plan.name, log.name) == ("model.plan", "build.log")
    assert "Engine generation completed" in log.read_text(encoding="utf-8")
    assert artifact.plan == PlanTarget(
        tensorrt_version=toolkit.version,
        compute_capability="8.9",
        gpu_name="NVIDIA L4",
        min_batch=1,
        opt_batch=4,
        max_batch=4,
    )
    assert artifact.source.onnx_sha256 == source.artifact.files[0].sha256
    assert artifact.parity[0].passed


def test_a_second_build_with_nothing_changed_does_nothing(build: BuildFolder) -> None:
    toolkit, source = rtx_toolkit(darkness_graph()), onnx_source(build, "darkness", "fp16")
    first, _ = build_plan(build, source, toolkit, OPTIONS)
    before = (build.path / first.files[0].path).stat().st_mtime_ns
    assert build_plan(build, source, toolkit, OPTIONS) == (first, False)
    assert (build.path / first.files[0].path).stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("gpu", "options"),
    [
        (L4, replace(OPTIONS, opt_batch=2)),
        (L4, replace(OPTIONS, workspace_mib=1024)),
        (Gpu("NVIDIA L40S", "8.9", "12.4"), OPTIONS),
        (Gpu("NVIDIA L4", "9.0", "12.4"), OPTIONS),
    ],
    ids=["profile", "workspace", "gpu-name", "compute-capability"],
)
def test_another_gpu_or_other_options_make_another_plan(build: BuildFolder, gpu: Gpu, options: PlanOptions) -> None:
    source = onnx_source(build, "darkness", "fp16")
    build_plan(build, source, rtx_toolkit(darkness_graph()), OPTIONS)
    _, built = build_plan(build, source, rtx_toolkit(darkness_graph(), gpu), options)
    assert built


def test_another_onnx_file_makes_another_plan(build: BuildFolder) -> None:
    build_plan(build, onnx_source(build, "darkness", "fp16"), rtx_toolkit(darkness_graph()), OPTIONS)
    publish_graph(build, darkness_graph(white=200))
    source = onnx_source(build, "darkness", "fp16")
    _, built = build_plan(build, source, rtx_toolkit(darkness_graph(white=200)), OPTIONS)
    assert built


def test_plans_for_two_gpus_lie_side_by_side(build: BuildFolder) -> None:
    source = onnx_source(build, "darkness", "fp16")
    for gpu in (L4, Gpu("NVIDIA A100-SXM4-80GB", "8.0", "12.4")):
        build_plan(build, source, rtx_toolkit(darkness_graph(), gpu), OPTIONS)
    assert {PLAN, "darkness/tensorrt-fp16-sm8.0-nvidia-a100-sxm4-80gb"} <= set(build.manifest().artifacts)


def test_a_plan_that_computes_something_else_is_not_published(build: BuildFolder) -> None:
    before = _files(build)
    wrong = rtx_toolkit(darkness_graph(white=200))
    with pytest.raises(PlanDiffersError, match=r"differs from ONNX Runtime.*Nothing was published"):
        build_plan(build, onnx_source(build, "darkness", "fp16"), wrong, OPTIONS)
    assert _files(build) - {".lock"} == before - {".lock"}
    assert list(build.manifest().artifacts) == ["darkness/onnx-fp16"]


def test_a_failed_rebuild_leaves_the_plan_there_was(build: BuildFolder) -> None:
    source = onnx_source(build, "darkness", "fp16")
    good, _ = build_plan(build, source, rtx_toolkit(darkness_graph()), OPTIONS)
    with pytest.raises(PlanDiffersError):
        build_plan(build, source, rtx_toolkit(darkness_graph(white=200)), replace(OPTIONS, opt_batch=2))
    assert build.artifact(PLAN) == good
    assert build.checked_files(good)


def test_a_refused_graph_is_not_published(build: BuildFolder) -> None:
    publish_graph(build, unsupported_graph())
    source = onnx_source(build, "darkness", "fp16")
    with pytest.raises(GraphRefusedError, match="determinant"):
        build_plan(build, source, rtx_toolkit(darkness_graph()), OPTIONS)
    assert PLAN not in build.manifest().artifacts


def test_kernel_timings_are_kept_for_the_next_build(build: BuildFolder, tmp_path: Path) -> None:
    source = onnx_source(build, "darkness", "fp16")
    build_plan(build, source, rtx_toolkit(darkness_graph()), OPTIONS, tmp_path / "timings")
    (timings,) = (tmp_path / "timings").glob("*.timing")
    assert timings.name.startswith("nvidia-l4-sm8.9-tensorrt-rtx-1")


def test_damaged_onnx_bytes_are_refused_before_anything_is_built(build: BuildFolder) -> None:
    artifact = build.artifact("darkness/onnx-fp16")
    path = build.path / artifact.files[0].path
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(ArtifactError, match="not those that were exported"):
        onnx_source(build, "darkness", "fp16")


def test_onnx_of_another_contract_is_refused(build: BuildFolder) -> None:
    publish_graph(build, darkness_graph(white=250), contract_version=NETWORK_CONTRACT_VERSION + 1)
    with pytest.raises(ContractError, match=f"exported for contract {NETWORK_CONTRACT_VERSION + 1}.*export it again"):
        onnx_source(build, "darkness", "fp16")


def test_a_network_that_was_not_exported_is_named_with_those_that_were(build: BuildFolder) -> None:
    with pytest.raises(ArtifactError, match=r"'unetpp/onnx-fp16'; there is darkness/onnx-fp16"):
        onnx_source(build, "unetpp", "fp16")
