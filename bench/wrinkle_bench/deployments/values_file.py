"""A recommendation as a values file for the Helm chart."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import yaml

from wrinkle_bench.deployments.measure import Choice, MeasuredChoice
from wrinkle_bench.machine import Machine
from wrinkle_export.repository.deployment import Deployment

__all__ = ["values_text", "write_values"]

_ANY_BATCH_SIZE: Final = 8


def values_text(best: MeasuredChoice, machine: Machine, model: str) -> str:
    """Return the file: the chart's own keys, and as a comment what only a repository made beforehand can have.

    Args:
        best: The recommendation.
        machine: Where it was measured.
        model: The segmenter it was measured with.
    """
    choice, seen = best.choice, best.seen
    server = {"instances": choice.instances, "threads": choice.threads or machine.cores}
    lines = [
        f"# Recommended by `wrinkle bench tune` for {model} on {machine.kind}:",
        f"# {seen.throughput_hz:.2f} answers/s, p99 {seen.p99_ms:.0f} ms at concurrency {best.concurrency}, measured "
        f"{machine.measured_at}.",
    ]
    usual = Choice(choice.instances, threads=choice.threads, max_batch_size=_usual_batch_size(choice.threads))
    if choice != usual:
        lines += [
            "# Best with a repository of its own, which the chart serves from `artefact`:",
            f"#   wrinkle export repository … --segmenter-instances {choice.segmenter_instances} "
            f"--queue-delay-us {choice.queue_delay_us}   (largest batch {choice.max_batch_size})",
        ]
    return "\n".join([*lines, yaml.safe_dump({"server": server}, sort_keys=False)])


def _usual_batch_size(threads: int) -> int:
    """Return the largest batch that a repository has when nobody says otherwise."""
    return Deployment("openvino", threads=threads).batch_size(_ANY_BATCH_SIZE)


def write_values(path: Path, text: str) -> None:
    """Write the file at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)
