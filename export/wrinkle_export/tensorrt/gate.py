"""The CPU gate: do TensorRT's parser and strongly typed builder take this graph?

``tensorrt_rtx`` shares both with TensorRT and runs them without a GPU. What it builds is thrown away: its plans are
for TensorRT-RTX on desktop GPUs, and Triton cannot load them. What a graph proves here is that its operators and types
are accepted, not that it is fast, and nothing of its figures.

Everything native happens in a child process with a time limit: a parser is allowed to crash on a broken graph.

Source: TensorRT-RTX documentation, "CPU-Only AOT and TensorRT-RTX Engines".
"""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final

from wrinkle_core.errors import MissingExtraError
from wrinkle_export.artifacts.manifest import sha256_of
from wrinkle_export.tensorrt.gate_report import GateReport
from wrinkle_export.tensorrt.graph_check import read_graph
from wrinkle_export.tensorrt.refusal import Refusal

__all__ = ["DEFAULT_TIMEOUT_S", "GATE_PACKAGE", "check_onnx", "require_gate"]

GATE_PACKAGE: Final = "tensorrt_rtx"
DEFAULT_TIMEOUT_S: Final = 600.0
_STDERR_CHARS: Final = 300


def require_gate() -> None:
    """Say what to install when TensorRT-RTX is missing.

    Raises:
        MissingExtraError: It is.
    """
    if importlib.util.find_spec(GATE_PACKAGE) is None:
        raise MissingExtraError(f"{GATE_PACKAGE} is not installed. Install it with: pip install 'wrinkle-serving[rtx]'")


def check_onnx(path: Path, *, name: str | None = None, timeout_s: float = DEFAULT_TIMEOUT_S) -> GateReport:
    """Try one ONNX file with TensorRT-RTX.

    Args:
        path: The file.
        name: What the report calls it; the file's name when not given.
        timeout_s: How long parsing and building may take, in seconds.

    Returns:
        What was accepted and what was refused; a crash or a timeout is a refusal.

    Raises:
        ArtifactError: The file is missing or no ONNX file.
        MissingExtraError: TensorRT-RTX is not installed.
    """
    require_gate()
    model = read_graph(path)
    operators = dict(Counter(node.op_type for node in model.graph.node))
    del model
    with tempfile.TemporaryDirectory(prefix="wrinkle-gate-") as folder:
        answer = Path(folder, "report.json")
        command = [sys.executable, "-m", "wrinkle_export.tensorrt.gate_worker", str(path), str(answer)]
        try:
            child = subprocess.run(
                command, capture_output=True, timeout=timeout_s, text=True, errors="replace", check=False
            )
        except subprocess.TimeoutExpired:
            failure = f"took longer than {timeout_s:g} s"
        else:
            failure = "" if answer.is_file() else f"ended {_how(child.returncode)}: {child.stderr[-_STDERR_CHARS:]}"
        if not failure:
            report = GateReport.model_validate_json(answer.read_bytes())
            return report.model_copy(update={"graph": name or path.name})
    return GateReport(
        graph=name or path.name,
        sha256=sha256_of(path),
        builder=GATE_PACKAGE,
        operators=operators,
        refusals=(Refusal(stage="builder", node="", op_type="", reason=f"TensorRT-RTX {failure}".strip()),),
        build_s=0.0,
        plan_bytes=0,
    )


def _how(returncode: int) -> str:
    return f"by {signal.Signals(-returncode).name}" if returncode < 0 else f"with code {returncode}"
