"""The shipped profiles, measured anew: ``python -m wrinkle_scaling.measuring.shipped``, on an idle machine.

Starts ``wrinkle serve`` with the shipped ``unetpp`` and defaults, sends the benchmark's photograph and writes
``unetpp-two-cores.json``. The assumed GPU profile gets the same steps before and after its network.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from wrinkle_bench.bench_server import bench_server
from wrinkle_bench.machine import this_machine
from wrinkle_bench.photograph import SIDE_PX, portrait_jpeg
from wrinkle_core.contract import segmenter
from wrinkle_core.errors import InvalidParameterError
from wrinkle_export.repository.choice import chosen_networks
from wrinkle_scaling.measuring.measure import Measurement, measure, profile_of
from wrinkle_scaling.measuring.statistics import TritonStatistics
from wrinkle_scaling.replica.profile import ReplicaProfile, read_profile, write_profile

__all__ = ["measure_shipped", "with_steps_of"]

_PROFILES: Final = Path(__file__).resolve().parents[1] / "profiles"
_MEASURED: Final = "unetpp-two-cores.json"
_ASSUMED: Final = "paper-unetpp-l4-assumed.json"
_SEGMENTER: Final = "unetpp"
_CORES: Final = 2


def measure_shipped(runs: int) -> ReplicaProfile:
    """Return the profile of ``wrinkle serve`` on this machine's two cores.

    Args:
        runs: Photographs, one after the other.

    Raises:
        InvalidParameterError: The machine has not two cores.
        ServerStartError: The server did not start.
        ServerFaultError: Somebody else asks it.
    """
    machine = this_machine()
    if machine.cores != _CORES:
        raise InvalidParameterError(f"{_MEASURED} is measured on {_CORES} cores, and this process has {machine.cores}.")
    spec, photo = segmenter(_SEGMENTER), portrait_jpeg()
    with bench_server(chosen_networks(_SEGMENTER), bare=True) as server:
        host, port = server.running.host, server.running.http_port
        found: Measurement = measure(host, port, spec, photo, runs=runs)
        with TritonStatistics(host, port, spec) as statistics:
            return profile_of(
                found,
                statistics,
                statistics.bounds(admission=True),
                cores=_CORES,
                name=f"{_SEGMENTER} on two CPU cores",
                origin=(
                    f"measured on {machine.measured_at[:10]}: {_CORES} cores of {machine.processor}, "
                    f"{SIDE_PX} x {SIDE_PX} JPEG of {len(photo) // 1000} kB, {runs} photographs one after the other"
                ),
            )


def with_steps_of(measured: ReplicaProfile, assumed: ReplicaProfile) -> ReplicaProfile:
    """Return an assumed profile whose steps around the network take as long as measured ones, on average."""
    steps = {
        name: getattr(assumed, name).model_copy(update={"seconds": {1: (round(getattr(measured, name).mean_s(), 4),)}})
        for name in ("preprocess", "threshold")
    }
    return assumed.model_copy(update=steps)


def _main(
    runs: Annotated[int, typer.Option("--runs", min=1, max=1000, help="Photographs, one after the other.")] = 40,
    out: Annotated[Path, typer.Option("--out", help="Folder of the profiles.")] = _PROFILES,
) -> None:
    """Measure the shipped replica and renew the profiles that docs/scaling.md is computed from."""
    measured = measure_shipped(runs)
    assumed = with_steps_of(measured, read_profile(out / _ASSUMED))
    write_profile(measured, out / _MEASURED)
    write_profile(assumed, out / _ASSUMED)
    steps = ", ".join(f"{step.name} {step.mean_s() * 1000:.1f} ms" for step in measured.steps)
    typer.echo(f"{steps}; at most {measured.capacity_hz():.2f} photographs a second")


if __name__ == "__main__":
    typer.run(_main)
