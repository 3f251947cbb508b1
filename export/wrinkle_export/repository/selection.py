"""Choosing, from a build folder, the artifact that serves each segmenter, and refusing what must not be served."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wrinkle_core.contract import SegmenterContract, model
from wrinkle_core.errors import ArtifactError, InvalidParameterError
from wrinkle_core.inference import Precision
from wrinkle_export.artifacts.build_folder import BuildFolder
from wrinkle_export.artifacts.manifest import Artifact, Ports
from wrinkle_export.repository.deployment import Runtime
from wrinkle_export.repository.served_network import ServedNetwork

__all__ = ["select_network"]


@dataclass(frozen=True, slots=True)
class _Choice:
    """The forms that serve one runtime and precision, best first, and the parity records that speak of it."""

    forms: tuple[str, ...]
    judged_by: tuple[str, ...]
    hint: Precision = "f32"
    must_be_judged: bool = False


_IR_OR_ONNX: Final = ("openvino-fp32", "onnx-fp32", "onnx-fp16-storage")
_CHOICES: Final[dict[tuple[Runtime, str], _Choice]] = {
    ("openvino", "auto"): _Choice(_IR_OR_ONNX, ("openvino-f32", "openvino-bf16"), "auto"),
    ("openvino", "f32"): _Choice(_IR_OR_ONNX, ("openvino-f32",)),
    ("openvino", "bf16"): _Choice(_IR_OR_ONNX, ("openvino-bf16",), "bf16"),
    ("openvino", "int8"): _Choice(("openvino-int8",), ("openvino-int8",), must_be_judged=True),
    ("onnxruntime", "auto"): _Choice(("onnx-fp16", "onnx-fp32"), ("onnx-fp16", "onnx-fp32")),
    ("onnxruntime", "fp16"): _Choice(("onnx-fp16",), ("onnx-fp16",)),
    ("onnxruntime", "fp32"): _Choice(("onnx-fp32", "onnx-fp16-storage"), ("onnx-fp32", "onnx-fp16-storage")),
}
_PLAN_JUDGED_BY: Final = ("tensorrt-against-onnxruntime", "tensorrt-fp16")


def select_network(
    build: BuildFolder, spec: SegmenterContract, runtime: Runtime, precision: str = "auto", gpus: Sequence[str] = ()
) -> ServedNetwork:
    """Return the files that serve ``spec``, every byte compared with the manifest.

    Args:
        build: Where the artifacts are; a network is found by its name or by the segmenter it was exported for.
        spec: The segmenter.
        runtime: What will run it.
        precision: For OpenVINO ``auto``, ``f32``, ``bf16`` or ``int8``; for ONNX Runtime ``auto``, ``fp16`` or
            ``fp32``; a TensorRT plan has its own. ``auto`` for OpenVINO is bf16 where the processor has it.
        gpus: For TensorRT: names of the GPUs to serve on; empty takes every plan.

    Raises:
        ArtifactError: There is no such artifact, it was made for another contract or segmenter, failed its parity
            gate, or its bytes changed; or two plans are for the same compute capability.
        InvalidParameterError: The runtime has no such precision.
    """
    artifacts = [one for one in build.manifest().artifacts.values() if _is_for(one, spec)]
    if runtime == "tensorrt":
        return _plans(build, spec, artifacts, gpus)
    choice = _CHOICES.get((runtime, precision))
    if choice is None:
        known = ", ".join(precision for name, precision in _CHOICES if name == runtime)
        raise InvalidParameterError(f"--precision is one of {known} for {runtime}, got {precision!r}.")
    for form in choice.forms:
        for artifact in artifacts:
            if artifact.name.split("/")[1] == form:
                _require_servable(artifact, spec, choice.judged_by, must_be_judged=choice.must_be_judged)
                paths = build.checked_files(artifact)
                return ServedNetwork({path.name: path for path in paths}, paths[0].name, choice.hint)
    wanted = " or ".join(choice.forms)
    there = ", ".join(artifact.name for artifact in artifacts) or "nothing"
    raise ArtifactError(
        f"{build.path.name} has no {wanted} of {spec.name} for {runtime} at {precision}, only {there}; export it first."
    )


def _is_for(artifact: Artifact, spec: SegmenterContract) -> bool:
    return spec.name in (artifact.source.network, artifact.source.segmenter)


def _require_servable(
    artifact: Artifact, spec: SegmenterContract, judged_by: Sequence[str], *, must_be_judged: bool = False
) -> None:
    wanted = Ports.of_model(model(spec.name))
    if artifact.ports.contract_version != wanted.contract_version:
        raise ArtifactError(
            f"{artifact.name} was exported for contract version {artifact.ports.contract_version}, this is version "
            f"{wanted.contract_version}; export it again."
        )
    if artifact.ports != wanted:
        found, due = (ports.inputs[0] for ports in (artifact.ports, wanted))
        raise ArtifactError(
            f"{artifact.name} does not fit {spec.name}: its input is {found.datatype} {list(found.shape)}, "
            f"the contract says {due.datatype} {list(due.shape)}."
        )
    records = [record for record in artifact.parity if record.runtime in judged_by]
    failed = [record.runtime for record in records if not record.passed]
    if failed:
        raise ArtifactError(f"{artifact.name} failed its parity gate on {', '.join(failed)}; it is not served so.")
    if must_be_judged and not records:
        raise ArtifactError(
            f"{artifact.name} has not been compared with PyTorch; run `wrinkle export verify`, {artifact.precision} "
            "is not served without."
        )


def _plans(
    build: BuildFolder, spec: SegmenterContract, artifacts: Sequence[Artifact], gpus: Sequence[str]
) -> ServedNetwork:
    plans = [one for one in artifacts if one.plan is not None and (not gpus or one.plan.gpu_name in gpus)]
    names = {one.plan.gpu_name for one in artifacts if one.plan is not None}
    if missing := set(gpus) - names:
        raise ArtifactError(
            f"{build.path.name} has no plan of {spec.name} for {', '.join(sorted(missing))}, only for "
            f"{', '.join(sorted(names)) or 'no GPU'}; build one there with `wrinkle export tensorrt`."
        )
    if not plans:
        raise ArtifactError(
            f"{build.path.name} has no TensorRT plan of {spec.name}; build one on the GPU host with "
            "`wrinkle export tensorrt`."
        )
    files, by_capability = {}, {}
    for artifact in plans:
        assert artifact.plan is not None
        _require_servable(artifact, spec, _PLAN_JUDGED_BY, must_be_judged=True)
        if artifact.plan.max_batch < spec.max_batch_size:
            raise ArtifactError(
                f"{artifact.name} takes batches of up to {artifact.plan.max_batch}, {spec.name} is served with up to "
                f"{spec.max_batch_size}; build it with --max-batch {spec.max_batch_size}."
            )
        capability = artifact.plan.compute_capability
        if capability in by_capability:
            raise ArtifactError(
                f"{build.path.name} has two plans of {spec.name} for compute capability {capability}, and Triton tells "
                "plans apart by that alone; name one GPU with --gpu and serve the other from a repository of its own."
            )
        name = f"model-sm_{capability.replace('.', '')}.plan"
        by_capability[capability] = name
        files[name] = build.checked_files(artifact)[0]
    return ServedNetwork(files, next(iter(files)), plan_by_compute_capability=by_capability)
