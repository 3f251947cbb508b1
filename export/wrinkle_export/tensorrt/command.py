"""``wrinkle export tensorrt`` and ``wrinkle export check-tensorrt``."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated, cast

import typer

from wrinkle_core.errors import ArtifactError, InvalidParameterError
from wrinkle_export.tensorrt.plan_options import PlanOptions

__all__ = ["check_tensorrt", "tensorrt"]

_DEFAULT = PlanOptions()


def tensorrt(
    build: Annotated[Path, typer.Argument(help="Build folder that `wrinkle export onnx` wrote.")],
    network: Annotated[str, typer.Argument(help="Network in it, such as unetpp.")],
    precision: Annotated[str, typer.Option(help="fp16 or fp32: which of its ONNX graphs.")] = "fp16",
    min_batch: Annotated[int, typer.Option(help="Smallest batch the plan takes.")] = _DEFAULT.min_batch,
    opt_batch: Annotated[int, typer.Option(help="Batch its kernels are chosen for.")] = _DEFAULT.opt_batch,
    max_batch: Annotated[int, typer.Option(help="Largest batch; memory on the GPU grows with it.")] = (
        _DEFAULT.max_batch
    ),
    workspace_mib: Annotated[
        int, typer.Option("--workspace-mib", help="Scratch memory a kernel may use; less rules fast kernels out.")
    ] = _DEFAULT.workspace_mib,
    hardware_compatibility: Annotated[
        str,
        typer.Option(
            help="none: this GPU model only, fastest. same_compute_capability: every GPU of this one's compute "
            "capability, somewhat slower. ampere_plus: every GPU from Ampere on, slower still, for it must leave out "
            "the kernels of newer GPUs and those that need more shared memory than the smallest has."
        ),
    ] = _DEFAULT.hardware_compatibility,
    version_compatible: Annotated[
        bool,
        typer.Option(
            "--version-compatible",
            help="Later TensorRT of the same major can load it. The plan carries a lean runtime (tens of MB larger), "
            "may be slower, and the server must allow plans with host code, so load only plans you built.",
        ),
    ] = False,
    timing_cache: Annotated[
        Path | None,
        typer.Option("--timing-cache", help="Folder of kernel timings, one file per GPU model and TensorRT version."),
    ] = None,
) -> None:
    """Build a TensorRT plan on this machine's GPU and compare it with ONNX Runtime before publishing it.

    A plan is valid for one TensorRT version and one GPU: build it with the TensorRT of the Triton release that will
    load it, on the GPU that will serve it. Networks are strongly typed: precision comes from the ONNX graph.
    """
    from rich.console import Console

    from wrinkle_export.artifacts.build_folder import BuildFolder
    from wrinkle_export.tensorrt.build_plan import build_plan, onnx_source
    from wrinkle_export.tensorrt.cuda_driver import NoGpuError
    from wrinkle_export.tensorrt.plan_options import HardwareCompatibility
    from wrinkle_export.tensorrt.timing_cache import TimingCacheFile
    from wrinkle_export.tensorrt.toolkit import gpu_toolkit
    from wrinkle_export.tensorrt.trtexec import trtexec_line

    if precision not in ("fp16", "fp32"):
        raise InvalidParameterError(f"--precision is fp16 or fp32, got {precision!r}.")
    options = PlanOptions(
        min_batch,
        opt_batch,
        max_batch,
        workspace_mib,
        cast(HardwareCompatibility, hardware_compatibility),
        version_compatible,
    )
    folder = BuildFolder(build)
    source = onnx_source(folder, network, precision)  # type: ignore[arg-type]
    again = ["wrinkle", "export", "tensorrt", str(build), network, "--precision", precision, *options.arguments]
    try:
        toolkit = gpu_toolkit()
    except NoGpuError as error:
        raise NoGpuError(
            f"{error}\nThe ONNX file is {source.path}. Copy {build} to a machine with the GPU that will serve it and "
            f"the TensorRT of the Triton release that will load the plan, and run there:\n"
            f"  {shlex.join(again)}\n"
            f"or, without comparison and manifest:\n  {trtexec_line(source.path, source.shape, options)}"
        ) from None
    console = Console(soft_wrap=True, markup=False, highlight=False)
    console.print(f"{toolkit.builder} on {toolkit.gpu.name}, compute capability {toolkit.gpu.compute_capability}.")
    artifact, built = build_plan(folder, source, toolkit, options, timing_cache)
    figures = artifact.parity[0].figures
    console.print(
        f"{artifact.name}: {'built' if built else 'up to date, nothing to do'}; {artifact.size_bytes / 1e6:.1f} MB, at "
        f"most {figures['max_steps']:g}/255 from ONNX Runtime.\n  {build / artifact.files[0].path}",
    )
    timings = TimingCacheFile(timing_cache, toolkit.gpu, toolkit.builder).path if timing_cache is not None else None
    trtexec = trtexec_line(source.path, source.shape, options, timings)
    console.print(f"The same plan with trtexec, compared with nothing:\n  {trtexec}")


def check_tensorrt(
    graphs: Annotated[list[Path], typer.Argument(help="ONNX files, or build folders.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Also write the findings as JSON.")] = None,
    timeout_s: Annotated[float, typer.Option(min=1, max=7200, help="For each graph, in seconds.")] = 600.0,
) -> None:
    """Try graphs with TensorRT-RTX on a CPU: does TensorRT's parser take them, does the strongly typed builder?

    Needs no GPU. The plans of TensorRT-RTX are not for Triton and are thrown away; nothing is said about speed or
    accuracy. Exits with 1 when a graph is refused.
    """
    from rich.console import Console

    from wrinkle_export.tensorrt.gate import check_onnx, require_gate
    from wrinkle_export.tensorrt.gate_report import gate_table

    require_gate()
    found = [named for path in graphs for named in _onnx_files(path)]
    console, reports = Console(markup=False, highlight=False), []
    for name, path in found:
        report = check_onnx(path, name=name, timeout_s=timeout_s)
        reports.append(report)
        console.print(gate_table(report))
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps([report.model_dump(mode="json") for report in reports], indent=1)
        out.write_text(text + "\n", encoding="utf-8")
    refused = [report.graph for report in reports if not report.accepted]
    console.print(f"{len(reports) - len(refused)} accepted, {len(refused)} refused. Not for Triton: a gate only.")
    if refused:
        raise typer.Exit(1)


def _onnx_files(path: Path) -> list[tuple[str, Path]]:
    """Return name and path of an ONNX file, or of every graph of a build folder that computes in its own types."""
    from wrinkle_export.artifacts.build_folder import MANIFEST_FILE, BuildFolder

    if not path.is_dir():
        return [(path.name, path)]
    folder = BuildFolder(path)
    found = [
        (artifact.name, folder.checked_files(artifact)[0])
        for artifact in folder.manifest().artifacts.values()
        if artifact.kind == "onnx" and artifact.precision != "fp16-storage"
    ]
    if not found:
        raise ArtifactError(f"{path.name} has no ONNX graphs in its {MANIFEST_FILE}; run `wrinkle export onnx` first.")
    return found
