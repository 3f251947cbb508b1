"""What the gate compares: every artifact of a network, in every way this machine can run it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from wrinkle_core.errors import ArtifactError
from wrinkle_export.artifacts.build_folder import BuildFolder
from wrinkle_export.artifacts.manifest import Artifact, Source
from wrinkle_export.parity.runners import Hint, Runner, onnx_runner, openvino_runner, processor_has_bf16

__all__ = ["Candidate", "NotCompared", "candidates", "common_source"]

Engine = Literal["onnxruntime", "openvino"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One artifact in one runtime.

    Attributes:
        artifact: Its name in the build folder.
        runtime: Key of its limits.
        path: The file a runtime opens.
        engine: What runs it.
        hint: OpenVINO's precision hint.
    """

    artifact: str
    runtime: str
    path: Path
    engine: Engine
    hint: Hint

    def start(self) -> Runner:
        """Load it.

        Raises:
            ArtifactError: The runtime cannot run it.
        """
        return onnx_runner(self.path) if self.engine == "onnxruntime" else openvino_runner(self.path, self.hint)


@dataclass(frozen=True, slots=True)
class NotCompared:
    """An artifact, or a way of running one, that was left out, and why."""

    what: str
    why: str


def candidates(
    build: BuildFolder, network: str, only: Collection[str] | None = None
) -> tuple[list[Candidate], list[NotCompared]]:
    """Return what can be compared here, after checking every byte of it.

    Args:
        build: The build folder.
        network: What it calls the network.
        only: Keys of limits; None takes all.

    Raises:
        ArtifactError: The network has no artifacts, or a file's bytes are not those that were exported.
    """
    found: list[Candidate] = []
    left_out: list[NotCompared] = []
    for artifact in _artifacts(build, network):
        path = build.checked_files(artifact)[0]
        if artifact.kind == "tensorrt":
            left_out.append(NotCompared(artifact.name, "runs on its GPU only; compared there when it is built"))
            continue
        for runtime, engine, hint in _ways(artifact):
            if only is not None and runtime not in only:
                left_out.append(NotCompared(f"{artifact.name} as {runtime}", "not asked for"))
            elif hint == "bf16" and not processor_has_bf16():
                left_out.append(NotCompared(f"{artifact.name} as {runtime}", "this processor has no BF16"))
            else:
                found.append(Candidate(artifact.name, runtime, path, engine, hint))
    return found, left_out


def common_source(build: BuildFolder, network: str) -> Source:
    """Return the weights that all artifacts of a network were made from.

    Raises:
        ArtifactError: They were made from several, or there are none.
    """
    sources = {artifact.name: artifact.source for artifact in _artifacts(build, network)}
    first_name, first = next(iter(sources.items()))
    for name, source in sources.items():
        if source.model_copy(update={"onnx_sha256": None}) != first.model_copy(update={"onnx_sha256": None}):
            raise ArtifactError(f"{name} and {first_name} were made from different weights; export them again.")
    onnx_sums = {artifact.files[0].sha256 for artifact in _artifacts(build, network) if artifact.kind == "onnx"}
    for name, source in sources.items():
        if source.onnx_sha256 is not None and source.onnx_sha256 not in onnx_sums:
            raise ArtifactError(f"{name} was made from an ONNX file that is no longer here; export it again.")
    return first


def _artifacts(build: BuildFolder, network: str) -> list[Artifact]:
    found = [artifact for artifact in build.manifest().artifacts.values() if artifact.source.network == network]
    if not found:
        raise ArtifactError(f"{build.path.name} holds nothing of {network!r}; run `wrinkle export onnx` first.")
    return found


def _ways(artifact: Artifact) -> list[tuple[str, Engine, Hint]]:
    if artifact.kind == "onnx":
        return [(f"onnx-{artifact.precision}", "onnxruntime", "f32")]
    if artifact.precision == "int8":
        return [("openvino-int8", "openvino", "f32")]
    return [("openvino-f32", "openvino", "f32"), ("openvino-bf16", "openvino", "bf16")]
