"""``python -m wrinkle_export.bundle_weights``: weights into ``checkpoints/``, as the wheel carries them.

``checkpoints/`` is a build folder with plain paths: NAME/model.onnx, which the serving install runs, and
NAME/model.safetensors, from which researchers go on.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from wrinkle_core.errors import ArtifactError
from wrinkle_export.artifacts.build_folder import BuildFolder
from wrinkle_export.artifacts.manifest import Artifact, FileRecord
from wrinkle_export.bundle import bundled
from wrinkle_export.graph.network_source import network_source
from wrinkle_export.graph.onnx_artifact import export_onnx

__all__ = ["bundle_weights"]


def bundle_weights(weights: Path, checkpoints: Path) -> Artifact:
    """Put a checkpoint and its ONNX file with FP16 weights into ``checkpoints``, in place of that segmenter's old ones.

    Raises:
        ArtifactError: The network fits no segmenter of the contract, or cannot be exported.
    """
    source = network_source(str(weights))
    record = source.record()
    if record.segmenter is None:
        raise ArtifactError(f"{weights.name} fits no segmenter of the contract, so it cannot be served.")
    home = checkpoints / record.segmenter
    with tempfile.TemporaryDirectory() as scratch:
        build = BuildFolder(Path(scratch, "build"))
        (artifact,) = export_onnx(source, build, ["fp16-storage"])
        _replace(build.checked_files(artifact)[0], home / "model.onnx")
    if weights.resolve() != (home / "model.safetensors").resolve():
        _replace(weights, home / "model.safetensors")
    (file,) = artifact.files
    moved = FileRecord(path=f"{home.name}/model.onnx", sha256=file.sha256, size_bytes=file.size_bytes)
    return BuildFolder(checkpoints).record(artifact.model_copy(update={"files": (moved,)}))


def _replace(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    shutil.copyfile(source, partial)
    os.replace(partial, target)


def _main(weights: Annotated[list[Path], typer.Argument(help="model.safetensors files, one per segmenter.")]) -> None:
    """Bundle weights with the package."""
    for path in weights:
        artifact = bundle_weights(path, bundled("checkpoints"))
        Console().print(f"{artifact.name}: {artifact.size_bytes / 1e6:.1f} MB")


if __name__ == "__main__":
    typer.run(_main)
