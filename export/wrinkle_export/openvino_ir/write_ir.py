"""Writing an IR whose shallow layers keep FP32: all a serving install needs to run an ONNX file in BF16."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from wrinkle_core.openvino_core import openvino_core, ov
from wrinkle_export.openvino_ir.shallow_layers import ENOUGH, keep_in_fp32, shallow_layers

__all__ = ["IR_FILE", "write_ir"]

IR_FILE: Final = "model.xml"


def write_ir(onnx_path: Path, input_px: int, folder: Path, *, fp32_until_reduced: int = ENOUGH) -> Path:
    """Write ``model.xml`` and ``model.bin`` of an ONNX file and return the path of the first.

    Args:
        onnx_path: FP32 arithmetic; weights may be stored in FP16.
        input_px: Side of its input.
        folder: An existing folder.
        fp32_until_reduced: When run in BF16, keep layers in FP32 until the picture has been reduced so many times.
    """
    model = openvino_core().read_model(onnx_path)
    layers = shallow_layers(model, input_px, fp32_until_reduced)
    ir_path = folder / IR_FILE
    ov.save_model(model, ir_path, compress_to_fp16=False)
    keep_in_fp32(ir_path, layers)
    return ir_path
