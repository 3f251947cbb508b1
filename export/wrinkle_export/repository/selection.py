"""Choosing, from a build folder, the artifact that serves each segmenter, and refusing what must not be served."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from wrinkle_core.contract import SegmenterContract, model
from wrinkle_core.errors import ArtifactError
from wrinkle_export.artifacts.build_folder import BuildFolder
from wrinkle_export.artifacts.manifest import Artifact, Ports
from wrinkle_export.repository.deployment import Runtime
from wrinkle_export.repository.served_network import ServedNetwork

__all__ = ["ServedPrecision", "select_network"]

ServedPrecision = Literal["auto", "f32", "bf16", "fp32", "fp16", "int8"]
_FORMS: Final[dict[tuple[Runtime, str], tuple[str, ...]]] = {
    ("openvino", "auto"): ("openvino-fp32", "onnx-fp32", "onnx-fp16-storage"),
    ("openvino", "f32"): ("openvino-fp32", "onnx-fp32", "onnx-fp16-storage"),
    ("openvino", "bf16"): ("openvino-fp32",),
    ("openvino", "int8"): ("openvino-int8",),
    ("onnxruntime", "auto"): ("onnx-fp16", "onnx-fp32", "onnx-fp16-storage"),
    ("onnxruntime", "fp16"): ("onnx-fp16",),
    ("onnxruntime", "fp32"): ("onnx-fp32", "onnx-fp16-storage"),
}
_NEEDS_PARITY: Final = frozenset({"int8"})


def select_network(
    build: BuildFolder, spec: SegmenterContract, runtime: Runtime, precision: str = "auto", gpus: Sequence[str] = ()
) -> ServedNetwork:
    """Return the files that serve ``spec``, every byte compared with the manifest.

    Args:
        build: Where the artifacts are; a network is found by its name or by the segmenter it was exported for.
        spec: The segmenter.
        runtime: What will run it.
        precision: For OpenVINO ``auto``, ``f32``, ``bf16`` or ``int8``; for ONNX Runtime ``auto``, ``fp16`` or
            ``fp32``; a TensorRT plan has its precision built in.
        gpus: For TensorRT: names of the GPUs to serve on; empty takes every plan.

    Raises:
        ArtifactError: There is no such artifact, it was made for another contract or segmenter, failed its parity
            gate, or its bytes changed; or two plans are for the same compute capability.
    """
    artifacts = [one for one in build.manifest().artifacts.values() if _is_for(one, spec)]
    if runtime == "tensorrt":
        return _plans(build, spec, artifacts, gpus)
    if (runtime, precision) not in _FORMS:
        choices = ", ".join(known for name, known in _FORMS if name == runtime)
        raise ArtifactError(f"{runtime} has no precision {precision!r}; choose {choices}.")
    for form in _FORMS[runtime, precision]:
        for artifact in artifacts:
            if artifact.name.split("/")[1] == form:
                _require_servable(artifact, spec)
                paths = build.checked_files(artifact)
                return ServedNetwork({path.name: path for path in paths}, paths[0].name)
    wanted = " or ".join(_FORMS[runtime, precision])
    there = ", ".join(artifact.name for artifact in artifacts) or "nothing"
    raise ArtifactError(
        f"{build.path.name} has no {wanted} of {spec.name} for {runtime} at {precision}, only {there}; export it first."
    )


def _is_for(artifact: Artifact, spec: SegmenterContract) -> bool:
    return spec.name in (artifact.source.network, artifact.source.segmenter)


def _require_servable(artifact: Artifact, spec: SegmenterContract) -> None:
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
    failed = [record.runtime for record in artifact.parity if not record.passed]
    if failed:
        raise ArtifactError(f"{artifact.name} failed its parity gate on {', '.join(failed)}; it is not served.")
    if artifact.precision in _NEEDS_PARITY and not artifact.parity:
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
        _require_servable(artifact, spec)
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
    return ServedNetwork(files, next(iter(files)), by_capability)
