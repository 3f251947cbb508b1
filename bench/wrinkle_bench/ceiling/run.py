"""The ensemble and its bare network turn about: with one caller for latency, with more for throughput."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from statistics import median
from typing import Final

from wrinkle_bench.bench_server import BenchServer, bench_repository, served_on
from wrinkle_bench.burst import burst
from wrinkle_bench.ceiling.bare_network import BareNetwork, Way, best_way, computes_in_bf16, ways
from wrinkle_bench.median_interval import median_interval
from wrinkle_bench.networks.bench_network import BenchNetwork
from wrinkle_bench.networks.operations import network_gflop
from wrinkle_bench.pairs import in_turns
from wrinkle_bench.perf_analyzer.statistics import counters_after_answer, read_counters, step_times
from wrinkle_bench.photograph import SIDE_PX, portrait_jpeg
from wrinkle_bench.records import read_record
from wrinkle_core.contract import SegmenterContract
from wrinkle_core.decode import decode_image
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.preprocess import prepare
from wrinkle_export.openvino_ir.write_ir import IR_FILE
from wrinkle_server.triton.admin_api import AdminApi
from wrinkle_server.triton.raw_inference import infer_raw

__all__ = ["CEILING_FILE", "AgainstCeiling", "Effort", "UnderLoad", "known_best_way", "measure_against_ceiling"]

CEILING_FILE: Final = "ceiling.json"
_TIMEOUT_S: Final = 900.0


@dataclass(frozen=True, slots=True)
class Effort:
    """How long the measurement takes.

    Attributes:
        pairs: Single requests, each beside one inference of the bare network.
        rounds: Turns at each concurrency.
        waves: Answers of one turn, as a multiple of the concurrency.
        least_answers: Of one turn: its first and last find the machine idle, which must not count for much.
        inferences: Of the bare network in one turn.
        loads: Concurrencies.
    """

    pairs: int = 16
    rounds: int = 3
    waves: int = 2
    least_answers: int = 16
    inferences: int = 8
    loads: tuple[int, ...] = (2, 4, 16)


@dataclass(frozen=True, slots=True)
class UnderLoad:
    """The ensemble at one concurrency, beside the bare network in the same rounds.

    Attributes:
        throughput_hz: Answers per second, one figure a round.
        p50_ms: Median latency.
        ceiling_hz: Inferences per second of the bare network, run its best way.
    """

    throughput_hz: tuple[float, ...]
    p50_ms: tuple[float, ...]
    ceiling_hz: tuple[float, ...]

    @property
    def of_ceiling(self) -> float:
        """Return the median over the rounds of the ensemble's throughput over the bare network's."""
        return median(ours / bare for ours, bare in zip(self.throughput_hz, self.ceiling_hz, strict=True))


@dataclass(frozen=True, slots=True)
class AgainstCeiling:
    """One segmenter.

    Attributes:
        network: Which weights.
        gflop: Operations of one inference.
        photo_px: Side of the photograph that was sent.
        ready_after_s: From the start of ``wrinkle serve`` until this ensemble had answered.
        ways: Inferences per second of each way to run the bare network.
        best: The fastest way.
        single_ms: The bare network, one at a time under the latency hint, one figure a pair.
        unloaded_ms: The ensemble with one caller, in the same pairs.
        inside_ms: What the network took of each of those, as Triton counts the segmenter's step.
        loads: By concurrency.
    """

    network: str
    gflop: float
    photo_px: int
    ready_after_s: float
    ways: dict[str, float]
    best: Way
    single_ms: tuple[float, ...]
    unloaded_ms: tuple[float, ...]
    inside_ms: tuple[float, ...]
    loads: dict[int, UnderLoad]

    @property
    def tflops(self) -> float:
        """Return the best way's operations per second, in 10^12."""
        return max(self.ways.values()) * self.gflop / 1e3

    @property
    def added_ms(self) -> float:
        """Return what the ensemble takes besides its network with one caller.

        The network's time is that of the same answer: one inference differs from the next by more than the rest takes.
        """
        return median(self._besides_ms)

    @property
    def added_between_ms(self) -> tuple[float, float]:
        """Return the 95 % interval of that."""
        return median_interval(self._besides_ms)

    @property
    def inside_of_alone(self) -> float:
        """Return the network's time inside the ensemble over the bare network's in the same pair."""
        return median(inside / alone for inside, alone in zip(self.inside_ms, self.single_ms, strict=True))

    @property
    def _besides_ms(self) -> list[float]:
        return [whole - inside for whole, inside in zip(self.unloaded_ms, self.inside_ms, strict=True)]


def known_best_way(results: Path, segmenter: str) -> Way:
    """Return how the bare network runs best, as a folder's ceiling found; without one the latency hint.

    Raises:
        ArtifactError: The file is of another form.
    """
    record = read_record(results / CEILING_FILE, AgainstCeiling)
    if record is not None and segmenter in record.cases:
        return record.cases[segmenter].best
    return Way("LATENCY", "bf16" if computes_in_bf16() else "f32")


def measure_against_ceiling(
    spec: SegmenterContract, network: BenchNetwork, effort: Effort, *, tell: Callable[[str], None]
) -> AgainstCeiling:
    """Measure one ensemble beside its network.

    Args:
        spec: The segmenter.
        network: Its weights.
        effort: How long.
        tell: Called with each finding, for a person who waits.

    Raises:
        ServingError: The server did not start, or failed.
    """
    photo = portrait_jpeg()
    network_input = prepare(decode_image(photo), spec, FaceLandmarker(threads=1)).network_input
    with tempfile.TemporaryDirectory(prefix="wrinkle-bench-") as folder:
        repository = bench_repository(Path(folder, "repository"), {spec.name: network.served()})
        # The file that is served: in BF16 its shallow layers stay in FP32, without which the masks would differ.
        served = repository / spec.name / "1" / IR_FILE
        best, tried = best_way(served, network_input, ways(bf16=computes_in_bf16()))
        for name, throughput_hz in tried.items():
            tell(f"bare network, {name}: {throughput_hz:.3f}/s")
        bare = BareNetwork(served, best, network_input)
        single = bare if best.hint == "LATENCY" else BareNetwork(served, Way("LATENCY", best.precision), network_input)
        with served_on(repository) as server:
            ask = _caller(server, spec, photo)
            alone, asked = in_turns(
                lambda: single.seconds(1) * 1e3, lambda: _one_ms(ask, server.running.admin, spec), 1 + effort.pairs
            )
            single_ms = tuple(alone[1:])  # the first pair opens connections
            unloaded_ms, inside_ms = zip(*asked[1:], strict=True)
            tell(f"one caller: {median(unloaded_ms):.0f} ms, bare network {median(single_ms):.0f} ms")
            loads = {load: _under_load(ask, bare, load, effort, tell) for load in effort.loads}
    return AgainstCeiling(
        network=network.description,
        gflop=network_gflop(network.checkpoint),
        photo_px=SIDE_PX,
        ready_after_s=server.ready_after_s,
        ways=tried,
        best=best,
        single_ms=single_ms,
        unloaded_ms=unloaded_ms,
        inside_ms=inside_ms,
        loads=loads,
    )


def _caller(server: BenchServer, spec: SegmenterContract, photo: bytes) -> Callable[[], object]:
    running = server.running

    def ask() -> object:
        return infer_raw(running.host, running.http_port, spec.ensemble, photo, _TIMEOUT_S)

    return ask


def _one_ms(ask: Callable[[], object], admin: AdminApi, spec: SegmenterContract) -> tuple[float, float]:
    """Return how long one answer took, and its network alone."""
    before = read_counters(admin, [spec.name])
    whole_ms = burst(ask, concurrency=1, requests=1).p50_ms
    after = counters_after_answer(admin, before)
    return whole_ms, step_times(before, after)[spec.name].compute_ms


def _under_load(
    ask: Callable[[], object], bare: BareNetwork, load: int, effort: Effort, tell: Callable[[str], None]
) -> UnderLoad:
    runs = bare.at_once * max(1, round(effort.inferences / bare.at_once))
    answers = load * max(effort.waves, ceil(effort.least_answers / load))
    seen, ceiling_hz = in_turns(
        lambda: burst(ask, concurrency=load, requests=answers),
        lambda: runs / bare.seconds(runs),
        effort.rounds,
    )
    found = UnderLoad(
        tuple(each.throughput_hz for each in seen), tuple(each.p50_ms for each in seen), tuple(ceiling_hz)
    )
    tell(f"concurrency {load}: {median(found.throughput_hz):.3f}/s, {found.of_ceiling:.3f} of the bare network")
    return found
