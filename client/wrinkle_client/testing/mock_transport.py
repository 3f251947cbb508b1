"""A transport that calls a function instead of a server, for ``Client`` and ``AsyncClient`` alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from wrinkle_client.deadline import Deadline
from wrinkle_client.failures import closed
from wrinkle_client.result import SegmentationResult
from wrinkle_client.result_forms.saving import levels_png, mask_png
from wrinkle_client.server_state import ServerInfo
from wrinkle_client.testing.made_results import make_result
from wrinkle_client.transports.messages import InferenceRequest, RawAnswer, Tensor
from wrinkle_core.contract import CONTRACT_VERSION, SEGMENTERS, SegmenterContract
from wrinkle_core.errors import InvalidParameterError, ModelNotFoundError

__all__ = ["Handler", "MockTransport", "encoded_answer", "fake_answer"]

Handler: TypeAlias = Callable[[InferenceRequest], SegmentationResult | RawAnswer]


def fake_answer(request: InferenceRequest) -> RawAnswer:
    """Answer as ``make_result`` does, whether an ensemble is asked or a network alone.

    Raises:
        ModelNotFoundError: The contract has no such model.
        InvalidImageError: The photograph cannot be read.
        InvalidParameterError: A request parameter is unknown or out of range.
    """
    for spec in SEGMENTERS:
        if request.model_name == spec.ensemble:
            return _answer_of_ensemble(request, spec)
        if request.model_name == spec.name:
            return RawAnswer("1", request.request_id, {"PROBABILITY": _darkness_of(request.inputs["INPUT"])})
    raise ModelNotFoundError(f"No model is called {request.model_name[:80]!r}.")


class MockTransport:
    """``Transport`` that is always ready and hands every request to a function.

    Example:
        >>> from wrinkle_client import Client
        >>> with Client(transport=MockTransport()) as client:
        ...     client.segment(photo).report.segmenter
        'unetpp'

    Attributes:
        requests: Every request so far, in order.
    """

    def __init__(self, handler: Handler = fake_answer) -> None:
        """Set up.

        Args:
            handler: Given each request. Returns a ``SegmentationResult``, such as ``make_result`` makes, or a raw
                answer, or raises an error of ``wrinkle_client``, which the client treats like the server's own.
        """
        self.requests: list[InferenceRequest] = []
        self._handler = handler
        self._closed = False

    async def infer(self, request: InferenceRequest, deadline: Deadline) -> RawAnswer:
        """Call the handler."""
        deadline.require_s()
        self._require_open()
        self.requests.append(request)
        answer = self._handler(request)
        return answer if isinstance(answer, RawAnswer) else encoded_answer(answer, request)

    async def server_live(self, deadline: Deadline) -> bool:
        """Return True."""
        self._require_open()
        return True

    async def server_ready(self, deadline: Deadline) -> bool:
        """Return True."""
        self._require_open()
        return True

    async def server_info(self, deadline: Deadline) -> ServerInfo:
        """Return that this is no server."""
        self._require_open()
        return ServerInfo("mock", "", (), CONTRACT_VERSION)

    async def model_ready(self, model_name: str, deadline: Deadline) -> bool:
        """Return whether the contract has the model."""
        self._require_open()
        return any(model_name in (spec.name, spec.ensemble) for spec in SEGMENTERS)

    async def model_versions(self, model_name: str, deadline: Deadline) -> tuple[str, ...]:
        """Return one version."""
        self._require_open()
        return ("1",)

    async def close(self) -> None:
        """Refuse later calls."""
        self._closed = True

    def _require_open(self) -> None:
        if self._closed:
            raise closed()


def _answer_of_ensemble(request: InferenceRequest, spec: SegmenterContract) -> RawAnswer:
    known = {"threshold", "probability", "skin_mask"}
    unknown = sorted(set(request.parameters) - known)
    if unknown:
        raise InvalidParameterError(f"Parameter {unknown[0][:40]!r} is unknown; there are {', '.join(sorted(known))}.")
    threshold = request.parameters.get("threshold")
    result = make_result(
        request.inputs["IMAGE"].tobytes(),
        model=spec.name,
        threshold=None if threshold is None else float(threshold),
        probability=bool(request.parameters.get("probability", False)),
        skin_mask=bool(request.parameters.get("skin_mask", False)),
        geometry=True,
        request_id=request.request_id,
    )
    return encoded_answer(result, request)


def encoded_answer(result: SegmentationResult, request: InferenceRequest) -> RawAnswer:
    """Return a result as a server would send it in answer to ``request``."""
    tensors: dict[str, Tensor] = {
        "MASK_PNG": _as_bytes(result.to_png()),
        "PROBABILITY_PNG": _as_bytes(b"" if result.probability is None else levels_png(result.probability)),
        "SKIN_MASK_PNG": _as_bytes(b"" if result.skin_mask is None else mask_png(result.skin_mask)),
        "REPORT_JSON": _as_bytes(result.report.to_json()),
    }
    if result.geometry is not None:
        tensors["GEOMETRY"] = result.geometry.pack()
    wanted = {name: tensor for name, tensor in tensors.items() if name in request.outputs or not request.outputs}
    return RawAnswer(result.model_version, request.request_id, wanted)


def _as_bytes(data: bytes) -> Tensor:
    return np.frombuffer(data, np.uint8)


def _darkness_of(network_input: Tensor) -> Tensor:
    """Return (N, S, S) uint8 for an (N, C, S, S) input: dark where any colour is, 0 outside the face."""
    green: Tensor = network_input[:, 1]
    return np.where(network_input[:, :3].any(axis=1), 255 - green, 0).astype(np.uint8)
