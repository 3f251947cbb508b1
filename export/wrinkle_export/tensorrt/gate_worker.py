"""The child process of the CPU gate: ``python -m wrinkle_export.tensorrt.gate_worker ONNX REPORT``."""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Final

import onnx

from wrinkle_export.artifacts.manifest import sha256_of
from wrinkle_export.tensorrt.builder_log import builder_name
from wrinkle_export.tensorrt.compile_plan import compile_plan, graph_refusals
from wrinkle_export.tensorrt.gate import GATE_PACKAGE
from wrinkle_export.tensorrt.gate_report import GateReport
from wrinkle_export.tensorrt.graph_check import read_graph
from wrinkle_export.tensorrt.parsing import parser_refusals
from wrinkle_export.tensorrt.plan_options import PlanOptions
from wrinkle_export.tensorrt.preflight import import_builder
from wrinkle_export.tensorrt.refusal import GraphRefusedError, Refusal

__all__ = ["main"]

_OPTIONS: Final = PlanOptions(1, 1, 2, workspace_mib=1 << 16)  # memory is the concern of the GPU that will serve


def main(onnx_file: Path, report_file: Path) -> None:
    """Write a ``GateReport`` on one ONNX file.

    Args:
        onnx_file: What to try.
        report_file: Where to; it appears only when the whole report is written.
    """
    module = import_builder(GATE_PACKAGE, "rtx")
    model = read_graph(onnx_file)
    started = time.perf_counter()
    plan_bytes, refusals = _tried(module, model, onnx_file.name)
    report = GateReport(
        graph=onnx_file.name,
        sha256=sha256_of(onnx_file),
        builder=builder_name(module),
        operators=dict(Counter(node.op_type for node in model.graph.node)),
        refusals=refusals,
        build_s=round(time.perf_counter() - started, 3),
        plan_bytes=plan_bytes,
    )
    partial = report_file.with_suffix(".partial")
    partial.write_text(report.model_dump_json(), encoding="utf-8")
    partial.replace(report_file)


def _tried(module: ModuleType, model: onnx.ModelProto, name: str) -> tuple[int, tuple[Refusal, ...]]:
    """Return the plan's size and what is held against the graph; it is built only when nothing is."""
    if refusals := (*graph_refusals(model), *parser_refusals(module, model)):
        return 0, refusals
    try:
        return len(compile_plan(module, model, _OPTIONS, name=name)), ()
    except GraphRefusedError as error:
        return 0, error.refusals


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
