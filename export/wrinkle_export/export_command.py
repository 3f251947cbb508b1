"""``wrinkle export``: from weights to files a server loads.

Torch is imported only by the commands that need it: ``repository`` belongs to the serving install, which has none.
"""

from __future__ import annotations

import typer

from wrinkle_export.graph.command import onnx
from wrinkle_export.openvino_ir.command import openvino
from wrinkle_export.parity.command import verify
from wrinkle_export.repository.command import repository
from wrinkle_export.tensorrt.command import check_tensorrt, tensorrt

__all__ = ["app"]

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def export() -> None:
    """Turn checkpoints into servable models."""


for command in (onnx, openvino, tensorrt, check_tensorrt, verify, repository):
    app.command()(command)
