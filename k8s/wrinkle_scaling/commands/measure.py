"""``wrinkle simulate-autoscaling measure``: a running server's times as a replica's profile."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wrinkle_core.contract import SEGMENTERS, segmenter

__all__ = ["measure"]


def measure(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="What is sent.")],
    cores: Annotated[int, typer.Option("--cores", min=1, max=1024, help="Cores that the server has to itself.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File for the profile, JSON.")],
    model: Annotated[str, typer.Option("--model", "-m", help="Segmenter.")] = SEGMENTERS[0].name,
    host: Annotated[str, typer.Option("--host", help="Of the server.")] = "127.0.0.1",
    http_port: Annotated[
        int, typer.Option("--http-port", min=1, max=65535, help="Triton's own, of `wrinkle serve --http bare`.")
    ] = 8000,
    runs: Annotated[int, typer.Option("--runs", min=1, max=10_000, help="Photographs, one after the other.")] = 50,
) -> None:
    """Measure a CPU replica that nobody else uses, one photograph at a time, and write its profile."""
    from wrinkle_scaling.measuring import measure as measuring
    from wrinkle_scaling.measuring.statistics import TritonStatistics
    from wrinkle_scaling.replica.profile import read_profile, write_profile

    spec = segmenter(model)
    found = measuring.measure(host, http_port, spec, photo.read_bytes(), runs=runs)
    with TritonStatistics(host, http_port, spec) as statistics:
        profile = measuring.profile_of(
            found,
            statistics,
            statistics.bounds(admission=True),
            cores=cores,
            name=f"{model} on {cores} CPU core{'' if cores == 1 else 's'}",
            origin=f"wrinkle simulate-autoscaling measure, {runs} photographs one after the other",
        )
    write_profile(profile, out)
    written = read_profile(out)
    typer.echo(
        f"{written.unloaded_s() * 1000:.0f} ms a photograph, at most {written.capacity_hz():.2f} a second; {out.name}"
    )
