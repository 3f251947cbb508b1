"""What ``segment`` was asked, checked before anything is sent."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from wrinkle_client.transports.messages import COMPRESSIONS, Compression, InferenceRequest, Tensor
from wrinkle_core import contract
from wrinkle_core.errors import InvalidParameterError

__all__ = ["PREPARE", "Prepare", "SegmentRequest", "check_threshold"]

Prepare: TypeAlias = Literal["server", "client"]
PREPARE: Final[tuple[Prepare, ...]] = ("server", "client")
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_MODEL_VERSION: Final = re.compile(r"[1-9][0-9]{0,8}")


def check_threshold(threshold: float | None) -> None:
    """Refuse what is no threshold; None leaves it to the server.

    Raises:
        InvalidParameterError: Not a probability.
    """
    if threshold is None:
        return
    is_number = isinstance(threshold, (int, float)) and not isinstance(threshold, bool)
    if not is_number or not 0 <= threshold <= 1:  # NaN is not
        raise InvalidParameterError(f"threshold is {threshold!r}, expected a probability from 0 to 1.")


@dataclass(frozen=True, slots=True)
class SegmentRequest:
    """One photograph and what is wanted of it.

    Attributes:
        segmenter: ``unetpp`` or ``unet_texture``.
        encoded: The image file; never in ``repr``.
        threshold: Probability at and above which a pixel is a wrinkle, [0, 1]; None leaves it to the server.
        probability: Whether the probability map is wanted.
        skin_mask: Whether the skin mask is wanted.
        geometry: Whether the landmarks and the alignment are wanted.
        model_version: Version to run; empty leaves the choice to the server.
        request_id: 1 to 128 letters, digits, ``. _ : -``; Triton hands it to every step and back.
        prepare: Where the face is found and the network's input made.
        compression: How the request's body is compressed.
    """

    segmenter: str
    encoded: bytes
    threshold: float | None
    probability: bool
    skin_mask: bool
    geometry: bool
    model_version: str
    request_id: str
    prepare: Prepare
    compression: Compression

    @classmethod
    def create(
        cls,
        encoded: bytes,
        *,
        model: str,
        threshold: float | None = None,
        probability: bool = False,
        skin_mask: bool = False,
        geometry: bool = False,
        model_version: str | None = None,
        request_id: str | None = None,
        prepare: Prepare = "server",
        compression: Compression = "none",
    ) -> SegmentRequest:
        """Check the options and draw a random request id when none is given.

        Raises:
            InvalidParameterError: Unknown model, threshold outside [0, 1], or another option that cannot be.
        """
        spec = contract.segmenter(model)
        check_threshold(threshold)
        if request_id is not None and not _REQUEST_ID.fullmatch(request_id):
            raise InvalidParameterError("request_id is 1 to 128 letters, digits, dots, colons, dashes or underscores.")
        if model_version is not None and not _MODEL_VERSION.fullmatch(model_version):
            raise InvalidParameterError(f"model_version is {model_version!r}, expected a whole number as text, from 1.")
        if prepare not in PREPARE:
            raise InvalidParameterError(f"prepare is {prepare!r}, expected one of {', '.join(PREPARE)}.")
        if compression not in COMPRESSIONS:
            raise InvalidParameterError(f"compression is {compression!r}, expected one of {', '.join(COMPRESSIONS)}.")
        return cls(
            segmenter=spec.name,
            encoded=encoded,
            threshold=None if threshold is None else float(threshold),
            probability=bool(probability),
            skin_mask=bool(skin_mask),
            geometry=bool(geometry),
            model_version=model_version or "",
            request_id=request_id or uuid.uuid4().hex,
            prepare=prepare,
            compression=compression,
        )

    def __repr__(self) -> str:
        return f"SegmentRequest({self.segmenter}, {len(self.encoded)} bytes, id {self.request_id})"

    def to_ensemble(self) -> InferenceRequest:
        """Return the call that does it all on the server."""
        spec = contract.segmenter(self.segmenter)
        wanted = {
            contract.MASK_PNG.name: True,
            contract.PROBABILITY_PNG.name: self.probability,
            contract.SKIN_MASK_PNG.name: self.skin_mask,
            contract.REPORT_JSON.name: True,
            contract.GEOMETRY.name: self.geometry,
        }
        parameters: dict[str, bool | float] = {}
        if self.threshold is not None:
            parameters["threshold"] = self.threshold
        if self.probability:
            parameters["probability"] = True
        if self.skin_mask:
            parameters["skin_mask"] = True
        photo = np.frombuffer(self.encoded, np.uint8)
        outputs = tuple(name for name, asked in wanted.items() if asked)
        return self._to(spec.ensemble, {contract.IMAGE.name: photo}, outputs, parameters)

    def to_segmenter(self, network_input: Tensor) -> InferenceRequest:
        """Return the call that runs the network alone, on a (1, C, S, S) input prepared here."""
        (wanted,) = contract.model(self.segmenter).outputs
        (taken,) = contract.model(self.segmenter).inputs
        return self._to(self.segmenter, {taken.name: network_input}, (wanted.name,), {})

    def _to(
        self,
        model_name: str,
        inputs: dict[str, Tensor],
        outputs: tuple[str, ...],
        parameters: dict[str, bool | float],
    ) -> InferenceRequest:
        return InferenceRequest(
            model_name=model_name,
            inputs=inputs,
            outputs=outputs,
            request_id=self.request_id,
            model_version=self.model_version,
            parameters=parameters,
            headers={"x-request-id": self.request_id},  # so that a gateway's log names it too
            compression=self.compression,
        )
