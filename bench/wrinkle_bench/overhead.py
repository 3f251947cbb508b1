"""``python -m wrinkle_bench.overhead``: what serving costs around the network, as a table and as JSON."""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from wrinkle_bench.photograph import portrait_jpeg
from wrinkle_bench.round_trip import RoundTrip, round_trip
from wrinkle_bench.stages import StepTimes, pin_to_one_core, step_times
from wrinkle_core.contract import SEGMENTERS
from wrinkle_export.openvino_ir.write_ir import IR_FILE
from wrinkle_export.repository.assemble import assemble_repository
from wrinkle_export.repository.choice import chosen_networks
from wrinkle_export.repository.deployment import Deployment
from wrinkle_export.repository.served_network import ServedNetwork
from wrinkle_server.triton.model_server import ModelServer
from wrinkle_server.triton.options import ServerOptions
from wrinkle_server.triton.ports import free_ports

__all__ = ["measure_overhead"]

_GOAL_MS: Final = 25.0
_PARTS_SHOWN: Final = 14
_console: Final = Console()


def measure_overhead(
    out: Annotated[Path, typer.Option(help="Folder for overhead.json.")] = Path("bench/results"),
    onnx: Annotated[
        list[str] | None, typer.Option(metavar="NAME=PATH", help="An ONNX file, not the bundled one.")
    ] = None,
    runs: Annotated[int, typer.Option(min=10, help="Timed runs of each step and each request.")] = 40,
) -> None:
    """Time preprocess and threshold on one core, and the live ensembles beside their bare networks."""
    photo = portrait_jpeg()
    context = multiprocessing.get_context("spawn")
    steps: dict[str, tuple[StepTimes, StepTimes]] = {}
    for spec in SEGMENTERS:
        with ProcessPoolExecutor(1, mp_context=context, initializer=pin_to_one_core) as one_core:
            steps[spec.name] = one_core.submit(step_times, spec, photo, runs).result()
        _show_steps(spec.name, steps[spec.name])
    trips = _live(photo, chosen_networks(",".join(spec.name for spec in SEGMENTERS), onnx or []), runs)
    _show_trips(trips)
    out.mkdir(parents=True, exist_ok=True)
    cores = len(os.sched_getaffinity(0))
    record = {
        "machine": {"processor": _processor(), "cores": cores, "python": platform.python_version()},
        "photo": {"width_px": 1024, "height_px": 1024, "bytes": len(photo)},
        "steps_on_one_core": {name: [asdict(step) for step in pair] for name, pair in steps.items()},
        "live": {name: asdict(trip) for name, trip in trips.items()},
    }
    (out / "overhead.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    _console.print(f"Written to {out / 'overhead.json'}.")


def _live(photo: bytes, networks: dict[str, ServedNetwork], runs: int) -> dict[str, RoundTrip]:
    with tempfile.TemporaryDirectory(prefix="wrinkle-bench-") as folder:
        cache_dir = Path(folder, "compiled")
        repository = assemble_repository(
            Path(folder, "repository"), networks, Deployment("openvino", cache_dir=str(cache_dir))
        )
        http_port, grpc_port, metrics_port = free_ports(3)
        options = ServerOptions(
            repository, SEGMENTERS, http_port=http_port, grpc_port=grpc_port, metrics_port=metrics_port
        )
        with ModelServer(options):
            return {
                spec.name: round_trip(options, spec, repository / spec.name / "1" / IR_FILE, photo, runs, cache_dir)
                for spec in SEGMENTERS
            }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _show_steps(name: str, steps: tuple[StepTimes, StepTimes]) -> None:
    total_ms = sum(step.processor_ms for step in steps)
    verdict = "" if name != "unetpp" else f" (goal {_GOAL_MS:g} ms: {'met' if total_ms <= _GOAL_MS else 'missed'})"
    table = Table("step", "part", "processor ms", "wall ms", title=f"{name}: {total_ms:.1f} ms on one core{verdict}")
    for step in steps:
        table.add_row(step.name, "", f"{step.processor_ms:.2f}", f"{step.wall_ms:.2f}")
        for part, milliseconds in list(step.parts_ms.items())[:_PARTS_SHOWN]:
            table.add_row("", part, f"{milliseconds:.2f}", "")
    _console.print(table)


def _show_trips(trips: dict[str, RoundTrip]) -> None:
    table = Table("ensemble", "p50 ms", "p90 ms", "network alone ms", "overhead ms", title="Through the live server")
    for name, trip in trips.items():
        figures = (trip.ensemble_p50_ms, trip.ensemble_p90_ms, trip.network_p50_ms, trip.overhead_ms)
        table.add_row(f"wrinkle_{name}", *(f"{figure:.1f}" for figure in figures))
        for step, milliseconds in trip.steps_ms.items():
            table.add_row(f"  in {step}", f"{milliseconds:.1f}", "", "", "")
    _console.print(table)


if __name__ == "__main__":
    typer.run(measure_overhead)
