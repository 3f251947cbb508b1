"""A batch of requests through core's own steps and the network: every request gets an answer of its own.

Photographs are decoded and prepared one by one, those that can be segmented run through the network together, and each
is thresholded alone. A request that fails leaves the others alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from wrinkle_core.contract import SegmenterContract
from wrinkle_core.decode import DecodeLimits
from wrinkle_core.geometry import Geometry
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.postprocess import Answer, postprocess
from wrinkle_core.preprocess import prepare_encoded
from wrinkle_core.quality import quality_warnings
from wrinkle_core.step_timings import PreprocessStamp
from wrinkle_handlers.requests import HandlerRequest
from wrinkle_server.steps.quiet_decoders import quiet_decoders

__all__ = ["BatchMetrics", "BatchSegmenter", "Network", "Segmented"]

_Made = TypeVar("_Made")


class Network(Protocol):
    """What runs a batch."""

    spec: SegmenterContract

    def infer(self, network_input: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Map (N, C, S, S) uint8 to (N, S, S) uint8."""


class BatchMetrics(Protocol):
    """What a batch tells of itself; see ``metrics.HandlerMetrics``."""

    def face_found(self) -> None:
        """Count a photograph in which a face was found."""

    def warned(self, code: str) -> None:
        """Count a capture warning."""

    def batch_came(self, size: int) -> None:
        """Count a batch of ``size`` requests."""

    def stage_took(self, stage: str, seconds: float) -> None:
        """Time a stage."""


@dataclass(frozen=True, slots=True)
class Segmented:
    """One photograph's answer, and GEOMETRY's bytes when the caller wanted them."""

    answer: Answer
    geometry: bytes | None


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """A prepared photograph; ``geometry`` is (N,) float32 as it would travel between Triton's steps."""

    request: HandlerRequest
    network_input: NDArray[np.uint8]
    geometry: NDArray[np.float32]


class BatchSegmenter:
    """Segments batches in one worker."""

    def __init__(
        self, network: Network, landmarker: FaceLandmarker, limits: DecodeLimits, metrics: BatchMetrics
    ) -> None:
        self._network = network
        self._landmarker = landmarker
        self._limits = limits
        self._metrics = metrics

    def segment(self, requests: Sequence[Callable[[], HandlerRequest]]) -> list[Segmented | Exception]:
        """Return, in order, each request's answer or what went wrong with it.

        Args:
            requests: Each reads one request, or raises what is wrong with it.
        """
        self._metrics.batch_came(len(requests))
        found: list[_Waiting | Segmented | Exception] = [_tried(self._prepare, read) for read in requests]
        waiting = [index for index, each in enumerate(found) if isinstance(each, _Waiting)]
        if waiting:
            prepared = [each for each in found if isinstance(each, _Waiting)]
            probabilities = _tried(self._infer, prepared)
            for place, index in enumerate(waiting):
                found[index] = (
                    probabilities
                    if isinstance(probabilities, Exception)
                    else _tried(self._finish, prepared[place], probabilities[place : place + 1])
                )
        return [each for each in found if not isinstance(each, _Waiting)]

    def _prepare(self, read: Callable[[], HandlerRequest]) -> _Waiting:
        began_s = time.monotonic()
        request = read()
        with quiet_decoders():
            prepared = prepare_encoded(request.encoded, self._network.spec, self._landmarker, self._limits)
        self._metrics.face_found()
        for warning in quality_warnings(prepared.geometry.quality):
            self._metrics.warned(warning.code)
        geometry = replace(prepared.geometry, stamp=PreprocessStamp.since(began_s)).pack()
        self._metrics.stage_took("preprocess", time.monotonic() - began_s)
        return _Waiting(request, prepared.network_input, geometry)

    def _infer(self, waiting: Sequence[_Waiting]) -> NDArray[np.uint8]:
        """Return (N, S, S) probabilities times 255, from one run over all of them."""
        began_s = time.monotonic()
        probabilities = self._network.infer(np.concatenate([each.network_input for each in waiting]))
        self._metrics.stage_took("network", time.monotonic() - began_s)
        return probabilities

    def _finish(self, waiting: _Waiting, probability: NDArray[np.uint8]) -> Segmented:
        began_s = time.monotonic()
        # Geometry as it comes out of float32, so that the mask is Triton's to the bit.
        geometry = Geometry.unpack(waiting.geometry)
        answer = postprocess(probability, waiting.network_input, geometry, waiting.request.options)
        self._metrics.stage_took("postprocess", time.monotonic() - began_s)
        return Segmented(answer, waiting.geometry.astype("<f4").tobytes() if waiting.request.geometry else None)


def _tried(step: Callable[..., _Made], *arguments: object) -> _Made | Exception:
    """Return what a step makes, or what it raises: unexpected errors too end one request, never its batch."""
    try:
        return step(*arguments)
    except Exception as error:
        return error
