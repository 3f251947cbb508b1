"""``wrinkle export onnx``: a checkpoint as ONNX graphs in a build folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wrinkle_core.errors import InvalidParameterError

if TYPE_CHECKING:
    from wrinkle_export.artifacts.manifest import Artifact

__all__ = ["DEFAULT_BUILD", "onnx"]

DEFAULT_BUILD = Path("build/networks")


def onnx(
    network: Annotated[
        str, typer.Argument(help="model.safetensors written by `wrinkle train`; with --random-weights a recipe.")
    ],
    build: Annotated[Path, typer.Option("--build", "-b", help="Build folder.")] = DEFAULT_BUILD,
    precision: Annotated[
        str,
        typer.Option(
            help="fp32, fp16 (computes in half, what TensorRT takes), fp16-storage (half the file), by commas."
        ),
    ] = "fp32,fp16",
    name: Annotated[
        str | None, typer.Option(help="What the build folder calls it; by default the segmenter it can serve as.")
    ] = None,
    random_weights: Annotated[
        bool, typer.Option("--random-weights", help="Export a recipe untrained, to measure or test it.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of --random-weights.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Export again what is up to date.")] = False,
) -> None:
    """Export a network to ONNX: UINT8 in, normalisation and activation inside, UINT8 out, dynamic batch."""
    from rich.console import Console

    from wrinkle_export.artifacts.build_folder import BuildFolder
    from wrinkle_export.graph.network_source import network_source
    from wrinkle_export.graph.onnx_artifact import ONNX_PRECISIONS, export_onnx

    wanted = [one for one in ONNX_PRECISIONS if one in (asked := {part.strip() for part in precision.split(",")})]
    if asked - set(wanted):
        unknown = ", ".join(sorted(asked - set(wanted)))
        raise InvalidParameterError(f"--precision {unknown}: choose among {', '.join(ONNX_PRECISIONS)}.")
    console = Console()

    def tell(artifact: Artifact, is_new: bool) -> None:
        figure = artifact.parity[0].figures["max_difference"]
        state = "exported" if is_new else "up to date, nothing to do"
        console.print(
            f"{artifact.name}: {state}; {artifact.size_bytes / 1e6:.1f} MB, at most {figure:.1e} from torch on noise\n"
            f"  {build / artifact.files[0].path}",
            soft_wrap=True,
        )

    source = network_source(network, name=name, random_seed=seed if random_weights else None)
    export_onnx(source, BuildFolder(build), wanted, force=force, on_artifact=tell)
