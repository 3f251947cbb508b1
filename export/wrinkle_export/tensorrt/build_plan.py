"""A plan as an artifact: built from one ONNX artifact for one GPU, compared, then published at once.

A plan is valid for one TensorRT version and one GPU, so both are in its key with the bytes of the ONNX file, the
optimisation profile and the options: the same key means there is nothing to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal

from wrinkle_core.contract import NETWORK_CONTRACT_VERSION
from wrinkle_core.errors import ContractError
from wrinkle_export.artifacts.build_folder import BuildFolder, Draft
from wrinkle_export.artifacts.manifest import Artifact, ParityRecord, PlanTarget, digest_of
from wrinkle_export.tensorrt.comparison import compare, onnx_runtime, seeded_pictures
from wrinkle_export.tensorrt.compile_plan import compile_plan
from wrinkle_export.tensorrt.graph_check import read_graph
from wrinkle_export.tensorrt.plan_options import PlanOptions
from wrinkle_export.tensorrt.timing_cache import TimingCacheFile, slug
from wrinkle_export.tensorrt.toolkit import Toolkit

__all__ = ["BUILD_LOG_FILE", "PLAN_FILE", "OnnxSource", "PlanPrecision", "build_plan", "onnx_source"]

PLAN_FILE: Final = "model.plan"
BUILD_LOG_FILE: Final = "build.log"
PlanPrecision = Literal["fp16", "fp32"]


@dataclass(frozen=True, slots=True)
class OnnxSource:
    """The ONNX artifact a plan is made from.

    Attributes:
        artifact: As the manifest has it.
        path: Of its file, whose bytes were checked.
        shape: Channels, height and width of ``INPUT``.
    """

    artifact: Artifact
    path: Path
    shape: tuple[int, int, int]


def onnx_source(build: BuildFolder, network: str, precision: PlanPrecision) -> OnnxSource:
    """Return a network's ONNX artifact after checking its bytes and its contract.

    Args:
        build: The build folder.
        network: Such as ``unetpp``.
        precision: Of the arithmetic in the graph, and so of the plan.

    Raises:
        ArtifactError: It was not exported, or its bytes are not those that were.
        ContractError: It was exported for another version of the tensor contract.
    """
    artifact = build.artifact(f"{network}/onnx-{precision}")
    if artifact.ports.contract_version != NETWORK_CONTRACT_VERSION:
        raise ContractError(
            f"{artifact.name} was exported for contract {artifact.ports.contract_version}, this is contract "
            f"{NETWORK_CONTRACT_VERSION}; export it again."
        )
    path = build.checked_files(artifact)[0]
    _, channels, height, width = artifact.ports.inputs[0].shape
    return OnnxSource(artifact, path, (channels, height, width))


def build_plan(
    build: BuildFolder, source: OnnxSource, toolkit: Toolkit, options: PlanOptions, timing_folder: Path | None = None
) -> tuple[Artifact, bool]:
    """Build, compare and publish a plan, unless the build folder has it already.

    Args:
        build: The build folder.
        source: From ``onnx_source``.
        toolkit: What builds and executes.
        options: Batches, workspace, compatibility.
        timing_folder: Where kernel timings are kept between builds.

    Returns:
        The plan's artifact, and whether it was built now.

    Raises:
        GraphRefusedError: TensorRT does not take the graph.
        PlanDiffersError: The plan does not compute what the ONNX file does; nothing is published.
        ArtifactError: The builder cannot do what the options ask for, or another export holds the folder.
    """
    name, key = _name(source, toolkit, options), _key(source, toolkit, options)
    if (there := build.up_to_date(name, key)) is not None:
        return there, False
    timings = TimingCacheFile(timing_folder, toolkit.gpu, toolkit.builder) if timing_folder is not None else None

    def make(folder: Path) -> tuple[ParityRecord, ...]:
        model = read_graph(source.path)
        plan = compile_plan(toolkit.module, model, options, name=source.artifact.name, timings=timings)
        (folder / PLAN_FILE).write_bytes(plan)
        pictures = seeded_pictures(options.max_batch, source.shape[0], source.shape[1])
        reference = onnx_runtime(model)
        with toolkit.open_plan(plan) as run:
            found = compare(run, reference, pictures, sorted({options.min_batch, options.max_batch}))
        (folder / BUILD_LOG_FILE).write_text(toolkit.log.text, encoding="utf-8")
        return (found,)

    return build.publish(_draft(name, key, source, toolkit, options), make), True


def _name(source: OnnxSource, toolkit: Toolkit, options: PlanOptions) -> str:
    gpu = toolkit.gpu
    parts = ["tensorrt", source.artifact.precision, f"sm{gpu.compute_capability}", slug(gpu.name)]
    if options.hardware_compatibility != "none":
        parts.append(options.hardware_compatibility)
    if options.version_compatible:
        parts.append("version_compatible")
    return f"{source.artifact.source.network}/{'-'.join(parts)}"


def _key(source: OnnxSource, toolkit: Toolkit, options: PlanOptions) -> str:
    return digest_of(
        onnx_sha256=source.artifact.files[0].sha256,
        builder=toolkit.builder,
        compute_capability=toolkit.gpu.compute_capability,
        gpu_name=toolkit.gpu.name,
        options=options.as_json(),
        contract_version=NETWORK_CONTRACT_VERSION,
    )


def _draft(name: str, key: str, source: OnnxSource, toolkit: Toolkit, options: PlanOptions) -> Draft:
    return Draft(
        name=name,
        main_file=PLAN_FILE,
        kind="tensorrt",
        precision=source.artifact.precision,
        key=key,
        source=source.artifact.source.model_copy(update={"onnx_sha256": source.artifact.files[0].sha256}),
        ports=source.artifact.ports,
        tools={
            toolkit.module.__name__: toolkit.version,
            "cuda_driver": toolkit.gpu.driver_version,
            "onnxruntime": version("onnxruntime"),
        },
        plan=PlanTarget(
            tensorrt_version=toolkit.version,
            compute_capability=toolkit.gpu.compute_capability,
            gpu_name=toolkit.gpu.name,
            min_batch=options.min_batch,
            opt_batch=options.opt_batch,
            max_batch=options.max_batch,
            hardware_compatibility=options.hardware_compatibility,
            version_compatible=options.version_compatible,
        ),
    )
