"""Which ratios are watched, what each means, and how they are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from wrinkle_bench.machine import Machine
from wrinkle_core.errors import ArtifactError

__all__ = ["ALLOWED_WORSE", "RATIOS", "Baseline", "Moved", "compare_ratios", "read_baseline", "write_baseline"]

ALLOWED_WORSE: Final = 0.15


@dataclass(frozen=True, slots=True)
class Ratio:
    """One watched ratio.

    Attributes:
        meaning: What is divided by what.
        step: Where to look when it moved.
        more_is_better: Whether a larger value is the better one.
    """

    meaning: str
    step: str
    more_is_better: bool = False


RATIOS: Final[Mapping[str, Ratio]] = {
    "ensemble_of_network": Ratio(
        "throughput of the ensemble (perf_analyzer, gRPC, concurrency 2) / of the network alone", "the ensemble", True
    ),
    "preprocess": Ratio("time in skin_mask / yardstick", "skin_mask: decoding, landmarks, alignment"),
    "segment": Ratio("time in the step unetpp / the same network in this process", "unetpp: what surrounds OpenVINO"),
    "threshold": Ratio("time in threshold / yardstick", "threshold: warping, measuring, PNG, report"),
    "between_steps": Ratio(
        "(yardstick + request - its three steps' own work) / yardstick",
        "copies, queues and hops between client and steps",
    ),
    "http_over_grpc": Ratio("latency over HTTP / over gRPC, one caller", "the HTTP front end"),
    "sdk_over_raw": Ratio("SDK call / bare tritonclient call, gRPC", "the client SDK"),
}


@dataclass(frozen=True, slots=True)
class Baseline:
    """Committed ratios, and where they were taken."""

    machine: Machine
    ratios: dict[str, float]


@dataclass(frozen=True, slots=True)
class Moved:
    """A ratio that got worse by more than is allowed.

    Attributes:
        name: Of the ratio.
        was: In the baseline.
        now: Measured.
    """

    name: str
    was: float
    now: float

    @property
    def worse_by(self) -> float:
        """Return by how much, 0.2 for a fifth."""
        return worse_by(self.name, self.was, self.now)

    def __str__(self) -> str:
        ratio = RATIOS[self.name]
        return (
            f"{self.name} is {self.worse_by:.0%} worse: {self.now:.3f}, was {self.was:.3f} ({ratio.meaning}). "
            f"Look at {ratio.step}."
        )


def worse_by(name: str, was: float, now: float) -> float:
    """Return by how much a ratio is worse than it was; below 0 it is better."""
    return was / now - 1.0 if RATIOS[name].more_is_better else now / was - 1.0


def compare_ratios(baseline: Baseline, now: Mapping[str, float]) -> list[Moved]:
    """Return the ratios that are worse by more than ``ALLOWED_WORSE``, the worst first.

    Raises:
        ArtifactError: The baseline has other ratios than are measured.
    """
    if baseline.ratios.keys() != now.keys():
        different = ", ".join(sorted(baseline.ratios.keys() ^ now.keys()))
        raise ArtifactError(f"The baseline differs in {different}; take it anew with --write-baseline.")
    moved = [Moved(name, was, now[name]) for name, was in baseline.ratios.items()]
    return sorted((each for each in moved if each.worse_by > ALLOWED_WORSE), key=lambda each: -each.worse_by)


def read_baseline(path: Path) -> Baseline:
    """Return the baseline in a file.

    Raises:
        ArtifactError: There is none, or it is of another form.
    """
    try:
        return TypeAdapter(Baseline).validate_json(path.read_bytes())
    except OSError as error:
        raise ArtifactError(f"{path.name} cannot be read: {error.strerror}; make one with --write-baseline.") from error
    except ValidationError as error:
        raise ArtifactError(f"{path.name} is no baseline; take it anew with --write-baseline.") from error


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write a baseline."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(TypeAdapter(Baseline).dump_json(baseline, indent=1) + b"\n")
