"""Which loads a sweep runs: one thing varies at a time, around gRPC, a photograph of 1024 x 1024 and concurrency 2."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from wrinkle_bench.perf_analyzer.run import PROTOCOLS, Load, Protocol
from wrinkle_core.contract import SegmenterContract, model

__all__ = ["CENTRE_CONCURRENCY", "CENTRE_PX", "QUICK", "Case", "Plan", "sweep_cases"]

_SIDES_PX: Final = (512, 1024, 2048)
_CONCURRENCIES: Final = (1, 2, 4, 8, 16)
CENTRE_CONCURRENCY: Final = 2
CENTRE_PX: Final = 1024
_ALONE: Final = (1, 2)


@dataclass(frozen=True, slots=True)
class Case:
    """One load of a sweep.

    Attributes:
        segmenter: Whose ensemble, or whose step with its tensors.
        model_name: The ensemble or the step.
        protocol: How it is sent.
        concurrency: Requests in flight.
        side_px: Of the photograph.
    """

    segmenter: str
    model_name: str
    protocol: Protocol
    concurrency: int
    side_px: int

    @property
    def name(self) -> str:
        """Return what tells it from every other case; also a file's name."""
        protocol = self.protocol.replace("+", "-")
        return f"{self.segmenter}.{self.model_name}.{protocol}.{self.side_px}px.c{self.concurrency}"

    def load(self, window_requests: int) -> Load:
        """Return it as ``perf_analyzer`` runs it: each window holds every request in flight at least twice."""
        return Load(self.model_name, self.protocol, self.concurrency, max(window_requests, 2 * self.concurrency))


@dataclass(frozen=True, slots=True)
class Plan:
    """How far a sweep goes."""

    concurrencies: Sequence[int] = _CONCURRENCIES
    sides_px: Sequence[int] = _SIDES_PX
    protocols: Sequence[Protocol] = PROTOCOLS
    alone: Sequence[int] = _ALONE


QUICK: Final = Plan(concurrencies=(1, 2), sides_px=(CENTRE_PX,), alone=(1,))


def sweep_cases(spec: SegmenterContract, plan: Plan) -> Iterator[Case]:
    """Yield the cases of one segmenter, the most telling first, none twice."""
    ensemble = spec.ensemble
    seen = set()
    for case in (
        *(Case(spec.name, ensemble, "grpc", concurrency, CENTRE_PX) for concurrency in plan.concurrencies),
        *(Case(spec.name, ensemble, protocol, CENTRE_CONCURRENCY, CENTRE_PX) for protocol in plan.protocols),
        *(Case(spec.name, ensemble, "grpc", CENTRE_CONCURRENCY, side) for side in plan.sides_px),
        *(
            Case(spec.name, step.model_name, "grpc", concurrency, CENTRE_PX)
            for step in model(ensemble).steps
            for concurrency in plan.alone
        ),
    ):
        if case not in seen:
            seen.add(case)
            yield case
