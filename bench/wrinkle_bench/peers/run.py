"""The comparison itself: all systems up at once, checked, then measured turn about, so that a busy moment meets all."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wrinkle_bench.bench_server import bench_repository
from wrinkle_bench.burst import Burst, burst
from wrinkle_bench.ceiling.bare_network import BareNetwork, Way
from wrinkle_bench.networks.bench_network import BenchNetwork
from wrinkle_bench.peers.comparison import Comparison, PeerFigures
from wrinkle_bench.peers.equality import Agreement, agreement, reference_answers, require_agreement
from wrinkle_bench.peers.peer import Contender, Peer
from wrinkle_bench.photograph import SIDE_PX, portrait_jpeg
from wrinkle_core.contract import SegmenterContract
from wrinkle_core.decode import decode_image
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.preprocess import prepare
from wrinkle_export.openvino_ir.write_ir import IR_FILE
from wrinkle_server.supervision.canary import canary_photo

__all__ = ["Turns", "compare"]

_CONCURRENCY: Final = 2


@dataclass(frozen=True, slots=True)
class Turns:
    """How long a comparison takes: so many rounds, in each so many answers of every system."""

    rounds: int = 3
    requests: int = 4


@dataclass(frozen=True, slots=True)
class _Running:
    contender: Contender
    peer: Peer
    ready_after_s: float


def compare(
    spec: SegmenterContract,
    network: BenchNetwork,
    entrants: Sequence[Contender],
    way: Way,
    turns: Turns,
    *,
    tell: Callable[[str], None],
) -> Comparison:
    """Compare systems on one segmenter's network.

    Args:
        spec: The segmenter.
        network: Its weights, the same for all.
        entrants: The systems, ours among them.
        way: How the bare network runs.
        turns: How long.
        tell: Called with each finding, for a person who waits.

    Raises:
        ContractError: A system answers otherwise than the reference: nothing is timed.
        ServingError: A system did not start, or failed.
    """
    photo = portrait_jpeg()
    network_input = prepare(decode_image(photo), spec, FaceLandmarker(threads=1)).network_input
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="wrinkle-bench-"))
        repository = bench_repository(Path(folder, "repository"), {spec.name: network.served()})
        bare = BareNetwork(repository / spec.name / "1" / IR_FILE, way, network_input)
        running = [_started(stack, entrant, tell) for entrant in entrants]
        checked = _checked(spec, network, running, [photo, canary_photo()], tell)
        seen, ceiling_hz = _rounds(running, bare, photo, turns, tell)
    return Comparison(
        network=network.description,
        photo_px=SIDE_PX,
        concurrency=_CONCURRENCY,
        peers={one.contender.name: _figures(one, checked, seen) for one in running},
        ceiling=way,
        ceiling_hz=ceiling_hz,
    )


def _started(stack: ExitStack, contender: Contender, tell: Callable[[str], None]) -> _Running:
    began_s = time.perf_counter()
    peer = stack.enter_context(contender.start)
    seconds = time.perf_counter() - began_s
    tell(f"{contender.name} is up after {seconds:.1f} s")
    return _Running(contender, peer, seconds)


def _checked(
    spec: SegmenterContract,
    network: BenchNetwork,
    running: Sequence[_Running],
    photos: Sequence[bytes],
    tell: Callable[[str], None],
) -> dict[str, Agreement]:
    wanted = reference_answers(network.onnx, spec, photos)
    found = {}
    for one in running:
        name = one.contender.name
        found[name] = agreement(one.peer, photos, wanted)
        tell(f"{name} differs by {found[name].max_difference:.4f} at most, masks overlap by {found[name].mask_iou:.4f}")
        require_agreement(name, found[name], one.contender.limits, trained=network.trained)
    return found


def _rounds(
    running: Sequence[_Running], bare: BareNetwork, photo: bytes, turns: Turns, tell: Callable[[str], None]
) -> tuple[dict[str, list[Burst]], tuple[float, ...]]:
    seen: dict[str, list[Burst]] = {one.contender.name: [] for one in running}
    ceiling_hz = []
    for number in range(1, turns.rounds + 1):
        for one in running:
            found = burst(lambda one=one: one.peer.infer(photo), concurrency=_CONCURRENCY, requests=turns.requests)  # type: ignore[misc]
            seen[one.contender.name].append(found)
            tell(f"round {number}: {one.contender.name} {found.throughput_hz:.3f}/s")
        ceiling_hz.append(turns.requests / bare.seconds(turns.requests))
        tell(f"round {number}: bare network {ceiling_hz[-1]:.3f}/s")
    return seen, tuple(ceiling_hz)


def _figures(one: _Running, checked: dict[str, Agreement], seen: dict[str, list[Burst]]) -> PeerFigures:
    bursts = seen[one.contender.name]
    return PeerFigures(
        title=one.contender.title,
        limits=one.contender.limits,
        agreement=checked[one.contender.name],
        ready_after_s=one.ready_after_s,
        throughput_hz=tuple(each.throughput_hz for each in bursts),
        p50_ms=tuple(each.p50_ms for each in bursts),
    )
