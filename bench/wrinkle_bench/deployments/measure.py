"""One deployment under load: a server of its own, the shipped network, ``perf_analyzer`` over gRPC."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from wrinkle_bench.bench_server import bench_server, default_deployment
from wrinkle_bench.networks.choice import Weights, networks_of
from wrinkle_bench.perf_analyzer.installation import PerfAnalyzer
from wrinkle_bench.perf_analyzer.measurement import Measurement
from wrinkle_bench.perf_analyzer.run import Load, measure
from wrinkle_bench.photograph import portrait_jpeg
from wrinkle_bench.sweep.inputs import photo_input
from wrinkle_core.contract import segmenter
from wrinkle_export.repository.deployment import Deployment

__all__ = ["INSTANCES_FILE", "TUNE_FILE", "Choice", "MeasuredChoice", "measurer"]

INSTANCES_FILE: Final = "instances.json"
TUNE_FILE: Final = "tune.json"
_WINDOW_REQUESTS: Final = 8


@dataclass(frozen=True, slots=True)
class Choice:
    """What may be chosen per machine.

    Attributes:
        instances: Processes per pre- and postprocessing step.
        segmenter_instances: Copies of the network.
        threads: Threads of each copy; 0 takes every core.
        max_batch_size: Largest batch that a copy forms; it runs two side by side where its threads can be halved.
        queue_delay_us: How long the batcher waits for more.
    """

    instances: int = 2
    segmenter_instances: int = 1
    threads: int = 0
    max_batch_size: int = 2
    queue_delay_us: int = 0

    def in_copies(self, count: int, threads: int) -> Choice:
        """Return the same with so many copies of the network, one photograph at a time where threads are odd."""
        batch_size = 1 if threads % 2 else self.max_batch_size
        return replace(self, segmenter_instances=count, threads=threads, max_batch_size=batch_size)

    @property
    def name(self) -> str:
        """Return what tells it from every other choice."""
        return (
            f"steps={self.instances} copies={self.segmenter_instances} threads={self.threads} "
            f"batch={self.max_batch_size} delay_us={self.queue_delay_us}"
        )

    def deployment(self) -> Deployment:
        """Return it as a repository is assembled."""
        return replace(
            default_deployment(),
            preprocess_instances=self.instances,
            threshold_instances=self.instances,
            segmenter_instances=self.segmenter_instances,
            threads=self.threads,
            max_batch_size=self.max_batch_size,
            queue_delay_us=self.queue_delay_us,
        )


@dataclass(frozen=True, slots=True)
class MeasuredChoice:
    """A choice and what was seen."""

    choice: Choice
    concurrency: int
    seen: Measurement


def measurer(
    program: PerfAnalyzer, model: str, weights: Weights, concurrency: int
) -> Callable[[Choice], MeasuredChoice]:
    """Return what measures a choice with one segmenter at one concurrency."""
    spec = segmenter(model)
    networks = {spec.name: network for spec, network in networks_of([model], weights).items()}
    image = photo_input(portrait_jpeg())
    load = Load(spec.ensemble, "grpc", concurrency, max(_WINDOW_REQUESTS, concurrency))

    def measured(choice: Choice) -> MeasuredChoice:
        with bench_server(networks, choice.deployment(), bare=True) as server:
            return MeasuredChoice(choice, concurrency, measure(program, server.running, load, image))

    return measured
