"""Running a deployable graph with ONNX Runtime on the CPU: what other runtimes are compared with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from wrinkle_core.errors import ArtifactError
from wrinkle_export.graph import UNROUNDED

__all__ = ["OnnxRun", "onnx_session"]

OnnxRun = Callable[[NDArray[np.uint8]], tuple[NDArray[np.uint8], NDArray[np.float32] | None]]
"""Maps (N, C, S, S) uint8 to (N, S, S) uint8 and, where the graph names it, the same before rounding."""

_ERRORS_ONLY: Final = 3
_REASON_CHARS: Final = 300

onnxruntime.disable_telemetry_events()


def onnx_session(model: onnx.ModelProto, name: str = "the graph") -> OnnxRun:
    """Return what runs ``model``, which is not changed, in the types it says.

    Args:
        model: ``INPUT`` UINT8 [N, C, S, S] to ``PROBABILITY`` UINT8 [N, S, S].
        name: What error messages call it.

    Raises:
        ArtifactError: ONNX Runtime cannot run it.
    """
    shown = onnx.ModelProto.FromString(model.SerializeToString())
    names = ["PROBABILITY"]
    if any(UNROUNDED in node.output for node in shown.graph.node):
        shown.graph.output.append(onnx.helper.make_tensor_value_info(UNROUNDED, onnx.TensorProto.FLOAT, None))
        names.append(UNROUNDED)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    try:
        session = onnxruntime.InferenceSession(shown.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors share no base class
        reason = " ".join(str(error).split())[:_REASON_CHARS]
        raise ArtifactError(f"ONNX Runtime cannot run {name}: {reason}") from None

    def run(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.float32] | None]:
        levels, *rest = session.run(names, {"INPUT": pixels})
        return np.asarray(levels), np.asarray(rest[0]) if rest else None

    return run
