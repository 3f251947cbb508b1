"""``wrinkle export``: from weights to files a server loads.

Torch is imported only when ``onnx`` runs: ``assemble`` belongs to the serving install, which has none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wrinkle_export.assemble_command import assemble

__all__ = ["app", "onnx"]

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def export() -> None:
    """Turn checkpoints into servable models."""


app.command()(assemble)


@app.command()
def onnx(
    weights: Annotated[Path, typer.Argument(help="model.safetensors written by `wrinkle train`.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="ONNX file to write.")],
) -> None:
    """Export weights to ONNX: UINT8 in, UINT8 out, FP16 weights, dynamic batch."""
    from rich.console import Console

    from wrinkle_core.contract import segmenter
    from wrinkle_export.onnx_export import export_onnx
    from wrinkle_train.weights_file import load_weights

    network, recipe = load_weights(weights)
    written = export_onnx(network, segmenter(recipe.segmenter), out)
    Console().print(f"{written}: {written.stat().st_size / 1e6:.1f} MB, model {recipe.segmenter}.")
