"""``wrinkle export tensorrt`` on a GPU that is not there: the real command, with TensorRT-RTX as its builder.

``on_gpu_host`` puts programs first on PATH, so that whoever runs ``wrinkle export tensorrt`` runs this file, and who
asks the driver for the GPU's name is told ``GPU_NAME``. With ``HOLD`` set the builder makes that file and waits while
it is there: to be killed half way, or to be met by another.
"""

from __future__ import annotations

import os
import shlex
import sys
import time
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import onnx

from tensorrt_graphs import rtx_toolkit
from wrinkle_client.cli import main
from wrinkle_export.tensorrt import toolkit
from wrinkle_export.tensorrt.preflight import Gpu
from wrinkle_export.tensorrt.toolkit import OpenPlan, RunPlan

__all__ = ["COMPUTE_CAPABILITY", "on_gpu_host"]

COMPUTE_CAPABILITY = {"NVIDIA L4": "8.9", "NVIDIA H100": "9.0"}


def on_gpu_host(folder: Path) -> str:
    """Write the programs into a folder and return a PATH that begins with it."""
    folder.mkdir()
    here, python = shlex.quote(__file__), shlex.quote(sys.executable)
    wrinkle = shlex.quote(str(Path(sys.executable).with_name("wrinkle")))
    programs = {
        "wrinkle": f'if [ "$1 $2" = "export tensorrt" ]; then exec {python} {here} "$@"; fi\nexec {wrinkle} "$@"\n',
        "python3": f'case "$2" in *device_name*) echo "$GPU_NAME" ;; *) exec {python} "$@" ;; esac\n',
    }
    for name, text in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}", encoding="utf-8")
        (folder / name).chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def _opened_once_let_go(plan: bytes, open_plan: OpenPlan) -> AbstractContextManager[RunPlan]:
    """Open a plan that is built and not yet published, once nobody holds it."""
    if hold := os.environ.get("HOLD"):
        Path(hold).touch()
        while Path(hold).exists():
            time.sleep(0.02)
    return open_plan(plan)


if __name__ == "__main__":
    name = os.environ["GPU_NAME"]
    graph = onnx.load(next(Path(os.environ["ARTEFACT"]).glob("**/model.onnx")))
    made = rtx_toolkit(graph, Gpu(name, COMPUTE_CAPABILITY[name], "13.0"))
    held = replace(made, open_plan=lambda plan: _opened_once_let_go(plan, made.open_plan))
    toolkit.gpu_toolkit = lambda: held
    sys.argv[0] = "wrinkle"
    main()
