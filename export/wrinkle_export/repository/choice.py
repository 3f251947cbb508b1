"""Which network serves each segmenter: from a build folder, the bundled weights, or an ONNX file given by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wrinkle_core.contract import segmenter
from wrinkle_core.errors import ArtifactError, InvalidParameterError
from wrinkle_export.artifacts.build_folder import BuildFolder
from wrinkle_export.bundle import bundled
from wrinkle_export.repository.deployment import Runtime
from wrinkle_export.repository.selection import select_network
from wrinkle_export.repository.served_network import ServedNetwork

__all__ = ["bundled_network", "chosen_networks"]


def chosen_networks(
    models: str,
    replacements: Sequence[str] = (),
    build: Path | None = None,
    runtime: Runtime = "openvino",
    precision: str = "auto",
    gpus: Sequence[str] = (),
) -> dict[str, ServedNetwork]:
    """Return the network of each segmenter that a command line asks for.

    Args:
        models: Names of segmenters separated by commas.
        replacements: ``NAME=PATH`` of ONNX files that are served as they are.
        build: Build folder of the others; None takes the bundled weights.
        runtime: What will run them.
        precision: See ``select_network``.
        gpus: See ``select_network``.

    Raises:
        ArtifactError: A segmenter has no artifact that may be served so.
        InvalidParameterError: A name is unknown, a replacement is malformed or not served.
    """
    specs = [segmenter(name.strip()) for name in models.split(",")]
    replaced = dict(_name_and_path(text) for text in replacements)
    if unused := replaced.keys() - {spec.name for spec in specs}:
        raise InvalidParameterError(f"--onnx names {', '.join(sorted(unused))}, which --models does not include.")
    if build is not None and not build.is_dir():
        raise InvalidParameterError(f"There is no build folder {build.name}; `wrinkle export onnx` makes one.")
    if replaced and runtime == "tensorrt":
        raise InvalidParameterError("--onnx goes with onnxruntime or openvino; build a TensorRT plan from it first.")
    folder = BuildFolder(build or bundled("checkpoints"))
    return {
        spec.name: ServedNetwork.from_onnx(replaced[spec.name])
        if spec.name in replaced
        else select_network(folder, spec, runtime, precision, gpus)
        for spec in specs
    }


def bundled_network(name: str) -> Path:
    """Return the deployable ONNX file of segmenter ``name`` that came with this installation.

    Raises:
        ArtifactError: This installation has no weights for it, or their bytes changed.
    """
    weights = BuildFolder(bundled("checkpoints"))
    artifact = weights.manifest().artifacts.get(f"{name}/onnx-fp16-storage")
    if artifact is None:
        raise ArtifactError(f"This installation has no trained weights for {name}; give an ONNX file for it.")
    return weights.checked_files(artifact)[0]


def _name_and_path(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise InvalidParameterError(f"--onnx wants NAME=PATH, got {text!r}.")
    return segmenter(name).name, Path(path)
