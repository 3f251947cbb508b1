"""One segmentation request, checked before it is sent and the same for every transport."""

from __future__ import annotations

import math
import re
import uuid
from dataclasses import dataclass
from typing import Final

from wrinkle_core import contract
from wrinkle_core.errors import InvalidParameterError

__all__ = ["SegmentRequest"]

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@dataclass(frozen=True, slots=True)
class SegmentRequest:
    """What goes over the wire.

    Attributes:
        segmenter: ``unetpp`` or ``unet_texture``.
        encoded: The image file; never in ``repr``.
        threshold: Probability at and above which a pixel is a wrinkle, [0, 1]; None leaves it to the server.
        probability: Whether the probability map is wanted.
        request_id: 1 to 128 letters, digits, ``. _ : -``; Triton hands it to every step and back.
        trace_context: W3C trace context, header by header; empty when the call is not traced.
    """

    segmenter: str
    encoded: bytes
    threshold: float | None
    probability: bool
    request_id: str
    trace_context: tuple[tuple[str, str], ...] = ()

    @classmethod
    def create(
        cls, encoded: bytes, *, model: str, threshold: float | None, probability: bool, request_id: str | None
    ) -> SegmentRequest:
        """Check the options and draw a random request id when none is given.

        Raises:
            InvalidParameterError: Unknown model, threshold outside [0, 1], or a malformed request id.
        """
        spec = contract.segmenter(model)
        if threshold is not None:
            is_number = isinstance(threshold, (int, float)) and not isinstance(threshold, bool)
            if not is_number or not math.isfinite(threshold) or not 0 <= threshold <= 1:
                raise InvalidParameterError(f"threshold is {threshold!r}, expected a probability from 0 to 1.")
        if request_id is not None and not _REQUEST_ID.fullmatch(request_id):
            raise InvalidParameterError("request_id is 1 to 128 letters, digits, dots, colons, dashes or underscores.")
        return cls(
            segmenter=spec.name,
            encoded=encoded,
            threshold=None if threshold is None else float(threshold),
            probability=bool(probability),
            request_id=request_id or uuid.uuid4().hex,
        )

    def __repr__(self) -> str:
        return f"SegmentRequest({self.segmenter}, {len(self.encoded)} bytes, id {self.request_id})"

    @property
    def model_name(self) -> str:
        """Triton name of the ensemble."""
        return contract.segmenter(self.segmenter).ensemble

    @property
    def output_names(self) -> tuple[str, ...]:
        """Triton names of the outputs asked for."""
        return tuple(tensor.name for tensor in contract.model(self.model_name).outputs)

    @property
    def headers(self) -> dict[str, str]:
        """HTTP headers, or gRPC metadata: the id, so that a gateway's log names it too, and the trace context."""
        return {"x-request-id": self.request_id, **dict(self.trace_context)}

    @property
    def parameters(self) -> dict[str, bool | float]:
        """Triton request parameters; what is left to the server is left out."""
        parameters: dict[str, bool | float] = {}
        if self.threshold is not None:
            parameters["threshold"] = self.threshold
        if self.probability:
            parameters["probability"] = True
        return parameters
