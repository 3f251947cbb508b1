from __future__ import annotations

from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tensorrt_graphs import darkness_graph, mixed_types_graph, wide_graph
from wrinkle_core.errors import ArtifactError
from wrinkle_export.tensorrt.builder_log import builder_log
from wrinkle_export.tensorrt.compile_plan import compile_plan
from wrinkle_export.tensorrt.parsing import parser_refusals, strongly_typed_network
from wrinkle_export.tensorrt.plan_options import PlanOptions
from wrinkle_export.tensorrt.refusal import GraphRefusedError

RTX = import_module("tensorrt_rtx")


def _without_the_flag(**replaced: Any) -> ModuleType:
    """Return TensorRT-RTX without the creation flag that TensorRT 11 no longer needs."""
    module = ModuleType("tensorrt_rtx_without_the_flag")
    module.__dict__.update({name: value for name, value in vars(RTX).items() if not name.startswith("__")})
    module.__dict__.update(__version__="8.6.1", NetworkDefinitionCreationFlag=SimpleNamespace(), **replaced)
    return module


@pytest.mark.parametrize("module", [RTX, _without_the_flag()], ids=["flag", "always"])
def test_networks_are_strongly_typed_on_both_generations(module: ModuleType) -> None:
    (refusal,) = parser_refusals(module, mixed_types_graph())
    assert refusal.node == "mixed_sum"
    assert "Half and Float" in refusal.reason


@pytest.mark.parametrize("module", [RTX, _without_the_flag()], ids=["flag", "always"])
def test_a_plan_is_built_on_both_generations(module: ModuleType) -> None:
    assert len(compile_plan(module, darkness_graph(), PlanOptions(), name="darkness")) > 1000


def test_a_tensorrt_that_only_types_weakly_is_refused() -> None:
    module = _without_the_flag(BuilderFlag=SimpleNamespace(FP16=0))
    with pytest.raises(ArtifactError, match=r"8\.6\.1 has no strongly typed networks; use 10\.12 or later"):
        strongly_typed_network(module, RTX.Builder(builder_log(RTX).logger))


def test_a_refused_graph_names_its_node_in_the_message() -> None:
    with pytest.raises(GraphRefusedError, match=r"small/onnx-fp16 is refused: node 'mixed_sum' \(Add\)"):
        compile_plan(RTX, mixed_types_graph(), PlanOptions(), name="small/onnx-fp16")


def test_a_compatibility_that_the_builder_ignores_is_an_error() -> None:
    options = PlanOptions(hardware_compatibility="ampere_plus")
    with pytest.raises(ArtifactError, match=r"tensorrt_rtx .* cannot build for ampere_plus"):
        compile_plan(RTX, darkness_graph(), options, name="darkness")


def test_a_failed_build_says_what_the_builder_said() -> None:
    with pytest.raises(GraphRefusedError, match=r"no plan was built: Unable to load library: libnvinfer_lean"):
        compile_plan(RTX, darkness_graph(), PlanOptions(version_compatible=True), name="darkness")


def test_a_build_that_needs_more_workspace_says_which_option_gives_it() -> None:
    options = PlanOptions(1, 1, 64, workspace_mib=16)
    with pytest.raises(GraphRefusedError, match=r"OutOfMemory.*--workspace-mib, or take a smaller --max-batch"):
        compile_plan(RTX, wide_graph(input_px=256), options, name="wide")


def test_the_builder_log_is_kept_without_what_came_before() -> None:
    log = builder_log(RTX)
    log.add("INFO", "from another build")
    compile_plan(RTX, darkness_graph(), PlanOptions(), name="darkness")
    assert "Engine generation completed" in log.text
    assert "from another build" not in log.text
