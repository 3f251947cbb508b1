"""Every record that a page is made from, read once; one that was not measured is None."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wrinkle_bench.ceiling.run import CEILING_FILE, AgainstCeiling
from wrinkle_bench.deployments.measure import INSTANCES_FILE, MeasuredChoice
from wrinkle_bench.gateway_cost.run import GATEWAY_FILE, ThroughGateway
from wrinkle_bench.peers.comparison import PEERS_FILE, Comparison
from wrinkle_bench.preparation.run import PREPARE_FILE, Preparation
from wrinkle_bench.processor_limits.limits import LIMITS_FILE, SegmenterLimits
from wrinkle_bench.records import Record, read_record
from wrinkle_bench.stages.run import STEPS_FILE, StagesOfPhoto
from wrinkle_bench.starting import STARTUP_FILE, Startup
from wrinkle_bench.sweep.run import SWEEP_FILE, Measured

__all__ = ["Figures", "read_figures"]


@dataclass(frozen=True, slots=True)
class Figures:
    """What has been measured."""

    sweep: Record[Measured] | None
    ceiling: Record[AgainstCeiling] | None
    limits: Record[SegmenterLimits] | None
    peers: Record[Comparison] | None
    steps: Record[StagesOfPhoto] | None
    startup: Record[Startup] | None
    prepare: Record[Preparation] | None
    gateway: Record[ThroughGateway] | None
    instances: Record[MeasuredChoice] | None


def read_figures(results: Path) -> Figures:
    """Read every record of a folder.

    Raises:
        ArtifactError: One is of another form.
    """
    return Figures(
        sweep=read_record(results / SWEEP_FILE, Measured),
        ceiling=read_record(results / CEILING_FILE, AgainstCeiling),
        limits=read_record(results / LIMITS_FILE, SegmenterLimits),
        peers=read_record(results / PEERS_FILE, Comparison),
        steps=read_record(results / STEPS_FILE, StagesOfPhoto),
        startup=read_record(results / STARTUP_FILE, Startup),
        prepare=read_record(results / PREPARE_FILE, Preparation),
        gateway=read_record(results / GATEWAY_FILE, ThroughGateway),
        instances=read_record(results / INSTANCES_FILE, MeasuredChoice),
    )
