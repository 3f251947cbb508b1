"""Preparing and finishing on this machine: the photograph stays here, and the server runs nothing but the network.

The steps are the server's own, from ``wrinkle_core``, so the masks are the same. They need the extra ``prepare``.
"""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from wrinkle_client.deadline import Deadline
from wrinkle_client.limits import Limits
from wrinkle_client.request import SegmentRequest
from wrinkle_client.transports.messages import RawAnswer, Tensor
from wrinkle_core import contract
from wrinkle_core.errors import MissingExtraError, ServerFaultError

if TYPE_CHECKING:
    from wrinkle_core.geometry import Geometry
    from wrinkle_core.landmarks import FaceLandmarker

__all__ = ["ClientPreparation", "PreparedPhoto"]

_MAX_LANDMARKERS: Final = 4
_LIBRARIES: Final = ("cv2", "openvino", "skimage")


@dataclass(frozen=True, slots=True, eq=False)
class PreparedPhoto:
    """What is sent, and what stays here until the answer comes.

    Attributes:
        network_input: (1, C, S, S) uint8.
        geometry: How to get back to the photograph.
    """

    network_input: NDArray[np.uint8]
    geometry: Geometry


class ClientPreparation:
    """The steps before and after the network; safe to share between threads.

    A landmarker serves one thread at a time, so there are a few of them, each loaded when it is first needed.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._places: queue.LifoQueue[FaceLandmarker | None] = queue.LifoQueue()
        for _ in range(min(_MAX_LANDMARKERS, os.cpu_count() or 1)):
            self._places.put(None)

    def prepare(self, request: SegmentRequest, deadline: Deadline) -> PreparedPhoto:
        """Find the face and make the network's input.

        Raises:
            InvalidImageError: The bytes cannot be read.
            ImageTooLargeError: Over a limit.
            NoFaceError: No face was found.
            MissingExtraError: The extra ``prepare`` is not installed.
            ArtifactError: The face networks are not on this machine.
            DeadlineExceededError: Other threads prepared until time was up.
        """
        _require_extra()
        began_s = time.monotonic()
        from wrinkle_core.decode import DecodeLimits
        from wrinkle_core.geometry import Geometry
        from wrinkle_core.preprocess import prepare_encoded
        from wrinkle_core.step_timings import PreprocessStamp

        limits = DecodeLimits(self._limits.max_encoded_bytes, self._limits.max_pixels)
        with self._landmarker(deadline) as landmarker:
            prepared = prepare_encoded(request.encoded, contract.segmenter(request.segmenter), landmarker, limits)
        stamped = replace(prepared.geometry, stamp=PreprocessStamp.since(began_s))
        # Through its float32 form, as the server hands it from step to step: the same mask to the last pixel.
        return PreparedPhoto(prepared.network_input, Geometry.unpack(stamped.pack()))

    def finish(self, answer: RawAnswer, prepared: PreparedPhoto, request: SegmentRequest) -> RawAnswer:
        """Return the answer an ensemble would have given, from the network's.

        Raises:
            ServerFaultError: The answer holds no probability of the right shape.
        """
        from wrinkle_core.postprocess import ThresholdOptions, postprocess

        (wanted,) = contract.model(request.segmenter).outputs
        probability = answer.tensors.get(wanted.name)
        if probability is None or probability.dtype != np.uint8 or probability.shape != (1, *wanted.dims):
            came = ", ".join((*answer.tensors, *answer.other_outputs)) or "none"
            raise ServerFaultError(f"The answer has no UINT8 output {wanted.name} of 1x{wanted.dims}; it has: {came}.")
        options = ThresholdOptions(request.threshold, request.probability, request.skin_mask)
        made = postprocess(_as_uint8(probability), prepared.network_input, prepared.geometry, options)
        tensors: dict[str, Tensor] = {
            contract.MASK_PNG.name: np.frombuffer(made.mask_png, np.uint8),
            contract.PROBABILITY_PNG.name: np.frombuffer(made.probability_png, np.uint8),
            contract.SKIN_MASK_PNG.name: np.frombuffer(made.skin_mask_png, np.uint8),
            contract.REPORT_JSON.name: np.frombuffer(made.report_json, np.uint8),
            contract.GEOMETRY.name: prepared.geometry.pack(),
        }
        return replace(answer, tensors=tensors, other_outputs=())

    @contextmanager
    def _landmarker(self, deadline: Deadline) -> Iterator[FaceLandmarker]:
        from wrinkle_core.landmarks import FaceLandmarker

        try:
            held = self._places.get(timeout=deadline.require_s())
        except queue.Empty:
            raise deadline.exceeded() from None
        try:
            held = held or FaceLandmarker()
            yield held
        finally:
            self._places.put(held)


def _require_extra() -> None:
    for library in _LIBRARIES:
        if find_spec(library) is None:
            raise MissingExtraError(
                f"prepare='client' needs {library}, which is not installed. "
                "Install it with: pip install 'wrinkle-serving[prepare]'"
            )


def _as_uint8(tensor: Any) -> NDArray[np.uint8]:
    return np.ascontiguousarray(tensor, np.uint8)
