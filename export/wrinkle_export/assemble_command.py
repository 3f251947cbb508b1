"""``wrinkle export assemble``: a folder that Triton can serve on a CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from wrinkle_core.contract import SEGMENTERS, segmenter
from wrinkle_core.errors import InvalidParameterError
from wrinkle_export.assemble import assemble_repository, bundled_network
from wrinkle_export.triton_config import Deployment

__all__ = ["assemble", "network_paths"]

_ALL: Final = ",".join(spec.name for spec in SEGMENTERS)


def assemble(
    target: Annotated[Path, typer.Argument(help="Folder to make, or to replace when it was assembled before.")],
    models: Annotated[str, typer.Option(help="Segmenters, separated by commas.")] = _ALL,
    onnx: Annotated[
        list[str] | None, typer.Option(help="NAME=PATH of an ONNX file instead of bundled weights.")
    ] = None,
    preprocess_instances: Annotated[int, typer.Option(min=1, max=64, help="Processes per preprocessor.")] = 2,
    segmenter_instances: Annotated[int, typer.Option(min=1, max=16, help="Execution copies per segmenter.")] = 1,
    threshold_instances: Annotated[int, typer.Option(min=1, max=64, help="Processes of the threshold step.")] = 2,
    threads: Annotated[int, typer.Option(min=0, max=1024, help="Threads per segmenter copy; 0 is every core.")] = 0,
    precision: Annotated[str, typer.Option(help="auto, f32 or bf16.")] = "auto",
    cache_dir: Annotated[Path | None, typer.Option(help="Where the server keeps compiled networks.")] = None,
) -> None:
    """Assemble a Triton model repository that runs the segmenters with OpenVINO."""
    deployment = Deployment(
        "openvino",
        preprocess_instances=preprocess_instances,
        segmenter_instances=segmenter_instances,
        threshold_instances=threshold_instances,
        threads=threads,
        precision=precision,
        cache_dir=str(cache_dir.resolve()) if cache_dir else "",
    )
    assemble_repository(target, network_paths(models, onnx or []), deployment)
    Console().print(f"Assembled {target}. Serve it with `wrinkle serve --model-repository {target}`.")


def network_paths(models: str, replacements: list[str]) -> dict[str, Path]:
    """Return the ONNX file of each segmenter that a command line asks for.

    Args:
        models: Names separated by commas.
        replacements: ``NAME=PATH`` for files that replace the bundled ones.

    Raises:
        ArtifactError: A segmenter has neither bundled weights nor a replacement.
        InvalidParameterError: A name is unknown, a replacement is malformed or not served.
    """
    names = [segmenter(name.strip()).name for name in models.split(",")]
    replaced = dict(_name_and_path(text) for text in replacements)
    if unused := replaced.keys() - set(names):
        raise InvalidParameterError(f"--onnx names {', '.join(sorted(unused))}, which --models does not include.")
    return {name: replaced.get(name) or bundled_network(name) for name in names}


def _name_and_path(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise InvalidParameterError(f"--onnx wants NAME=PATH, got {text!r}.")
    return segmenter(name).name, Path(path)
