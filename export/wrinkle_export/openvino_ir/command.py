"""``wrinkle export openvino``: an exported network as OpenVINO IR."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wrinkle_core.errors import InvalidParameterError

if TYPE_CHECKING:
    from rich.console import Console

    from wrinkle_export.artifacts.build_folder import BuildFolder
    from wrinkle_export.parity.pictures import Pictures

__all__ = ["openvino"]

_PRECISIONS = ("fp32", "int8")


def openvino(
    build: Annotated[Path, typer.Argument(help="Build folder.")],
    network: Annotated[str, typer.Argument(help="Network in it that was exported to ONNX in fp32.")],
    precision: Annotated[str, typer.Option(help="fp32 (runs in f32 or bf16) or int8.")] = "fp32",
    calibration: Annotated[
        Path | None, typer.Option(help="int8: folder of photographs of faces, never those it is judged on.")
    ] = None,
    samples: Annotated[int, typer.Option(min=8, max=200, help="int8: how many of them to use.")] = 32,
    slow_bias_correction: Annotated[
        bool, typer.Option("--slow-bias-correction", help="int8: correct biases the slow, more exact way.")
    ] = False,
    fp32_until_reduced: Annotated[
        int,
        typer.Option(
            min=1,
            max=64,
            help="fp32: when run in bf16, keep f32 until the picture is so many times smaller; less is faster.",
        ),
    ] = 16,
    force: Annotated[bool, typer.Option("--force", help="Export again what is up to date.")] = False,
) -> None:
    """Export an ONNX artifact to OpenVINO IR, in FP32 or quantised to INT8."""
    from rich.console import Console

    from wrinkle_export.artifacts.build_folder import BuildFolder
    from wrinkle_export.openvino_ir.int8 import Int8Options
    from wrinkle_export.openvino_ir.ir import export_int8, export_ir

    if precision not in _PRECISIONS:
        raise InvalidParameterError(f"--precision {precision}: choose among {', '.join(_PRECISIONS)}.")
    if (precision == "int8") != (calibration is not None):
        raise InvalidParameterError("--calibration FOLDER goes with --precision int8, which needs it.")
    console, folder = Console(), BuildFolder(build)
    if calibration is None:
        artifact, is_new = export_ir(folder, network, fp32_until_reduced=fp32_until_reduced, force=force)
    else:
        pictures = _calibration_pictures(folder, network, calibration, samples, console)
        options = Int8Options(fast_bias_correction=not slow_bias_correction)
        artifact, is_new = export_int8(folder, network, pictures, options, force=force)
    state = "exported" if is_new else "up to date, nothing to do"
    console.print(
        f"{artifact.name}: {state}; {artifact.size_bytes / 1e6:.1f} MB\n  {build / artifact.files[0].path}",
        soft_wrap=True,
    )


def _calibration_pictures(build: BuildFolder, network: str, photos: Path, samples: int, console: Console) -> Pictures:
    from wrinkle_core.landmarks import FaceLandmarker
    from wrinkle_export.parity.pictures import read_pictures, spec_of
    from wrinkle_train.recipe import Recipe

    recipe = Recipe.model_validate(build.artifact(f"{network}/onnx-fp32").source.recipe)
    pictures = read_pictures(photos, None, spec_of(recipe), FaceLandmarker(), samples)
    console.print(f"calibration: {len(pictures.used)} photographs, {len(pictures.without_face)} without a face skipped")
    return pictures
