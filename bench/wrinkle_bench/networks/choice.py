"""Which networks an experiment runs."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from wrinkle_bench.networks.bench_network import BenchNetwork
from wrinkle_bench.networks.full_size import full_size_network
from wrinkle_core.contract import SegmenterContract, segmenter
from wrinkle_export.bundle import bundled
from wrinkle_export.repository.choice import bundled_network, chosen_networks
from wrinkle_export.repository.served_network import ServedNetwork

__all__ = ["Weights", "bench_network", "networks_of"]


class Weights(str, Enum):
    """Which weights a segmenter gets."""

    SHIPPED = "shipped"
    FULL_SIZE = "full-size"


def networks_of(models: Sequence[str], weights: Weights) -> dict[SegmenterContract, ServedNetwork]:
    """Return the networks to serve.

    Args:
        models: Names of segmenters.
        weights: The shipped ones, or the papers' networks at full size with random ones.

    Raises:
        ArtifactError: A segmenter has no such network.
        InvalidParameterError: There is no such segmenter.
    """
    specs = [segmenter(name) for name in models]
    if weights is Weights.FULL_SIZE:
        return {spec: full_size_network(spec).served() for spec in specs}
    shipped = chosen_networks(",".join(models))
    return {spec: shipped[spec.name] for spec in specs}


def bench_network(name: str, weights: Weights) -> BenchNetwork:
    """Return one network in every form a comparison needs.

    Raises:
        ArtifactError: The segmenter has no such network.
        InvalidParameterError: There is no such segmenter.
    """
    spec = segmenter(name)
    if weights is Weights.FULL_SIZE:
        return full_size_network(spec)
    return BenchNetwork(
        segmenter=spec.name,
        description="the shipped weights",
        trained=True,
        checkpoint=bundled("checkpoints") / spec.name / "model.safetensors",
        onnx=bundled_network(spec.name),
    )
