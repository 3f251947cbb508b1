"""From an ONNX graph to the bytes of a plan.

Source: TensorRT documentation, "Building an Engine", "Working with Dynamic Shapes", ``IBuilderConfig``.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, Final

import onnx

from wrinkle_core.errors import ArtifactError
from wrinkle_export.tensorrt.builder_log import builder_log, builder_name
from wrinkle_export.tensorrt.graph_check import contract_refusals, input_shape, type_refusals
from wrinkle_export.tensorrt.parsing import parse_into, parser_refusals, strongly_typed_network
from wrinkle_export.tensorrt.plan_options import PlanOptions
from wrinkle_export.tensorrt.refusal import GraphRefusedError, Refusal
from wrinkle_export.tensorrt.timing_cache import TimingCacheFile

__all__ = ["compile_plan", "graph_refusals"]

_OUT_OF_MEMORY: Final = "OutOfMemory"
_MORE_MEMORY: Final = " Allow more with --workspace-mib, or take a smaller --max-batch."


def graph_refusals(model: onnx.ModelProto) -> tuple[Refusal, ...]:
    """Return what can be held against a graph without TensorRT."""
    return (*type_refusals(model), *contract_refusals(model))


def compile_plan(
    module: ModuleType,
    model: onnx.ModelProto,
    options: PlanOptions,
    *,
    name: str,
    timings: TimingCacheFile | None = None,
) -> bytes:
    """Build a strongly typed plan; the builder's messages go to ``builder_log(module)``.

    Args:
        module: ``tensorrt``, or one with its interface.
        model: ``INPUT`` UINT8 [N, C, S, S] to ``PROBABILITY`` UINT8 [N, S, S].
        options: Batches, workspace, compatibility.
        name: What error messages call the graph.
        timings: Kernel timings to start from and to add to.

    Raises:
        GraphRefusedError: The graph breaks the contract or ONNX's type rules, or TensorRT refuses it.
        ArtifactError: This builder cannot do what the options ask for.
    """
    log = builder_log(module)
    log.clear()
    if refused := graph_refusals(model):
        raise GraphRefusedError(name, refused)
    builder = module.Builder(log.logger)
    network = strongly_typed_network(module, builder)
    if parse_into(module, network, model):
        raise GraphRefusedError(name, parser_refusals(module, model))
    config = _configured(module, builder, model, options)
    if timings is not None:
        timings.load(config)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        remedy = _MORE_MEMORY if _OUT_OF_MEMORY in log.last_error else ""
        reason = f"no plan was built: {log.last_error}{remedy}"
        raise GraphRefusedError(name, [Refusal(stage="builder", node="", op_type="", reason=reason)])
    if timings is not None:
        timings.save(config)
    return bytes(plan)


def _configured(module: ModuleType, builder: Any, model: onnx.ModelProto, options: PlanOptions) -> Any:
    config = builder.create_builder_config()
    config.set_memory_pool_limit(module.MemoryPoolType.WORKSPACE, options.workspace_mib << 20)
    config.clear_flag(module.BuilderFlag.TF32)  # what a graph leaves in FP32 stays FP32
    if options.version_compatible:
        config.set_flag(module.BuilderFlag.VERSION_COMPATIBLE)
    if options.hardware_compatibility != "none":
        level = getattr(module.HardwareCompatibilityLevel, options.hardware_compatibility.upper(), None)
        if level is not None:
            config.hardware_compatibility_level = level
        if level is None or config.hardware_compatibility_level != level:
            raise ArtifactError(f"{builder_name(module)} cannot build for {options.hardware_compatibility}.")
    profile = builder.create_optimization_profile()
    shapes = [(batch, *input_shape(model)[1:]) for batch in options.batches]
    profile.set_shape("INPUT", *shapes)
    if config.add_optimization_profile(profile) < 0:
        raise ArtifactError(f"{builder_name(module)} does not take the batches {options.batches} for {shapes[0][1:]}.")
    return config
