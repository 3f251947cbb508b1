"""What a comparison found."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Final

from wrinkle_bench.ceiling.bare_network import Way
from wrinkle_bench.peers.equality import Agreement

__all__ = ["OURS", "PEERS_FILE", "Comparison", "PeerFigures"]

OURS: Final = "ensemble"
PEERS_FILE: Final = "peers.json"


@dataclass(frozen=True, slots=True)
class PeerFigures:
    """One system.

    Attributes:
        title: What it is.
        limits: Precision whose limits its answers kept.
        agreement: How far its answers are from the reference's.
        ready_after_s: From its start until it could be asked.
        throughput_hz: Answers per second, one figure a round.
        p50_ms: Median latency in the same rounds.
    """

    title: str
    limits: str
    agreement: Agreement
    ready_after_s: float
    throughput_hz: tuple[float, ...]
    p50_ms: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything about one segmenter.

    Attributes:
        network: Which weights.
        photo_px: Side of the photograph that was sent.
        concurrency: Callers of each system in its turn.
        peers: By short name, ours among them.
        ceiling: How the bare network was run, with no server.
        ceiling_hz: Its inferences per second, one figure a round.
    """

    network: str
    photo_px: int
    concurrency: int
    peers: dict[str, PeerFigures]
    ceiling: Way
    ceiling_hz: tuple[float, ...]

    def times_faster(self, than: str) -> float:
        """Return the median over the rounds of our throughput over a peer's."""
        pairs = zip(self.peers[OURS].throughput_hz, self.peers[than].throughput_hz, strict=True)
        return median(ours / other for ours, other in pairs)

    @property
    def of_ceiling(self) -> float:
        """Return the median over the rounds of our throughput over the bare network's."""
        pairs = zip(self.peers[OURS].throughput_hz, self.ceiling_hz, strict=True)
        return median(ours / bare for ours, bare in pairs)
