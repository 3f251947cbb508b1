"""How many replicas, GPUs, cores and bits a rate needs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from wrinkle_scaling.planning.assumptions import Assumptions, Variant

__all__ = ["Fleet", "fleets"]


@dataclass(frozen=True, slots=True)
class Fleet:
    """What one kind of replica needs for a rate.

    Attributes:
        variant: The kind of replica.
        limited_by: What a replica runs out of first: ``network`` or ``cores``.
        replica_hz: Photographs per second of one replica at its planned utilisation.
        replicas: With the spare ones.
        gpus: Of all replicas.
        cores: Of all replicas.
        gateways: Gateways.
        ingress_bits_s: Photographs coming in, all together.
        egress_bits_s: Answers going out, all together.
        nodes_for_network: Nodes whose networks carry the photographs, which a gateway receives and sends on.
        gpu_h_per_million: GPU hours per million photographs at this rate, spare replicas included.
        core_h_per_million: Core hours, the gateways' included.
        gigabytes_per_million: Photographs and answers.
    """

    variant: Variant
    limited_by: str
    replica_hz: float
    replicas: int
    gpus: float
    cores: int
    gateways: int
    ingress_bits_s: float
    egress_bits_s: float
    nodes_for_network: int
    gpu_h_per_million: float
    core_h_per_million: float
    gigabytes_per_million: float


def fleets(assumptions: Assumptions, rate_hz: float) -> tuple[Fleet, ...]:
    """Return what each kind of replica needs for ``rate_hz`` photographs per second."""
    return tuple(_fleet(assumptions, variant, rate_hz) for variant in assumptions.variants)


def _fleet(assumptions: Assumptions, variant: Variant, rate_hz: float) -> Fleet:
    network_s = variant.network_s.value
    by_network_hz = variant.gpus / network_s if variant.gpus else math.inf
    core_s = assumptions.steps_core_s.value + assumptions.server_core_s.value + network_s * variant.network_cores
    by_cores_hz = variant.cores / core_s
    replica_hz = min(by_network_hz, by_cores_hz) * assumptions.utilisation.value
    replicas = math.ceil(rate_hz / replica_hz * (1.0 + assumptions.spare.value))
    gateway_hz = assumptions.gateway_cores.value / assumptions.gateway_core_s.value * assumptions.utilisation.value
    gateways = math.ceil(rate_hz / gateway_hz * (1.0 + assumptions.spare.value))
    photo_bytes, answer_bytes = assumptions.photo_bytes.value, assumptions.answer_bytes.value
    million_h = 1e6 / rate_hz / 3600.0
    gpus, cores = replicas * variant.gpus, replicas * variant.cores
    through_a_gateway = 8.0 * max(photo_bytes, answer_bytes)
    return Fleet(
        variant=variant,
        limited_by="network" if by_network_hz < by_cores_hz else "cores",
        replica_hz=replica_hz,
        replicas=replicas,
        gpus=gpus,
        cores=cores,
        gateways=gateways,
        ingress_bits_s=8.0 * photo_bytes * rate_hz,
        egress_bits_s=8.0 * answer_bytes * rate_hz,
        nodes_for_network=math.ceil(
            through_a_gateway * rate_hz / (assumptions.network_bits_s.value * assumptions.utilisation.value)
        ),
        gpu_h_per_million=gpus * million_h,
        core_h_per_million=(cores + gateways * assumptions.gateway_cores.value) * million_h,
        gigabytes_per_million=(photo_bytes + answer_bytes) * 1e6 / 1e9,
    )
